{{- define "redistimer.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What Pods are found by; it never changes in the life of a release. Takes (dict "root" $ "component" "worker"). */}}
{{- define "redistimer.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "redistimer.labels" -}}
{{ include "redistimer.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Nothing that changes with the chart's version, so that an upgrade restarts only what changed. */}}
{{- define "redistimer.podLabels" -}}
{{ include "redistimer.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes (dict "image" .Values.image "default" .Chart.AppVersion). */}}
{{- define "redistimer.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .default }}
{{- end -}}
{{- end -}}

{{/* Takes (dict "root" $ "role" "worker"), as all below do. */}}
{{- define "redistimer.serviceAccountName" -}}
{{- $values := index .root.Values .role -}}
{{- $values.serviceAccount.name | default (printf "%s-%s" (include "redistimer.fullname" .root) .role) -}}
{{- end -}}

{{/* Of the installation, not of the release: the product names its Lease so. */}}
{{- define "redistimer.leaseName" -}}
{{- if eq .Values.installation "default" -}}
redistimer-controller
{{- else -}}
{{ printf "redistimer-controller-%s" .Values.installation }}
{{- end -}}
{{- end -}}

{{/* What Pod security `restricted` asks of a Pod. Takes runAsUser and runAsGroup; else the platform chooses. */}}
{{- define "redistimer.podSecurity" -}}
runAsNonRoot: true
{{- with .runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .runAsGroup }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What it asks of a container. */}}
{{- define "redistimer.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What contradicts itself in ways that a schema cannot tell. */}}
{{- define "redistimer.validate" -}}
{{- $redis := .Values.redis -}}
{{- $bundled := $redis.bundled.enabled -}}
{{- $url := ternary "" $redis.external.url (not (empty $redis.external.urlSecret.name)) -}}
{{- $external := or $url $redis.external.urlSecret.name -}}
{{- $own := list .Values.controller.redisAuth .Values.worker.redisAuth -}}
{{- if and $bundled $external -}}
{{- fail (print "redis.external names a Redis, and redis.bundled.enabled is true: "
  "set redis.bundled.enabled to false to use the one that it names") -}}
{{- end -}}
{{- if not (or $bundled $external) -}}
{{- fail (print "redis.bundled.enabled is false, "
  "so redis.external.url or redis.external.urlSecret.name has to name a Redis") -}}
{{- end -}}
{{- range prepend $own $redis.auth -}}
{{- if and $bundled (or .username .usernameSecret.name) -}}
{{- fail (print "redis.auth.username, controller.redisAuth.username and worker.redisAuth.username (or usernameSecret) "
  "are for an external Redis: the bundled one has only its default user") -}}
{{- end -}}
{{- end -}}
{{- range $own -}}
{{- if and $bundled .passwordSecret.name -}}
{{- fail (print "controller.redisAuth.passwordSecret and worker.redisAuth.passwordSecret are for an external Redis: "
  "the bundled one has one password, in redis.auth.passwordSecret") -}}
{{- end -}}
{{- end -}}
{{- if and (or $redis.tls.caSecret.name $redis.tls.clientSecret.name)
  (or $bundled (and $url (not (hasPrefix "rediss" $url)))) -}}
{{- fail "redis.tls is for TLS, and redis.external.url names none: write rediss in it, with two s" -}}
{{- end -}}
{{- if and $redis.auth.sentinelPasswordSecret.name (or $bundled (and $url (not (contains "+sentinel:" $url)))) -}}
{{- fail "redis.auth.sentinelPasswordSecret needs redis+sentinel:// in redis.external.url" -}}
{{- end -}}
{{- with .Values.worker.settings -}}
{{- if ge (float64 .aheadSeconds) (float64 .leaseSeconds) -}}
{{- fail (print "worker.settings.aheadSeconds must be less than worker.settings.leaseSeconds: "
  "a timer is claimed that long before its time and must still be held at it") -}}
{{- end -}}
{{- end -}}
{{- end -}}
