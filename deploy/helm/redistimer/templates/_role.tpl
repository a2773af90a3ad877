{{/* Environment variables of a role. toJson, as templates would print 1000000 as 1e+06. */}}
{{- define "redistimer.env" -}}
{{- $root := .root -}}
{{- $values := index .root.Values .role -}}
{{- $redis := .root.Values.redis -}}
- name: REDIS_URL
{{- if $redis.bundled.enabled }}
  value: {{ printf "redis://%s-redis:6379/0" (include "redistimer.fullname" .root) }}
{{- else if $redis.external.urlSecret.name }}
  valueFrom:
    secretKeyRef:
      name: {{ $redis.external.urlSecret.name }}
      key: {{ $redis.external.urlSecret.key }}
{{- else }}
  value: {{ $redis.external.url | quote }}
{{- end }}
{{- $user := include "redistimer.redisUser" . | fromYaml }}
{{- if and $user.username (not $user.usernameSecret.name) }}
- name: REDISTIMER_REDIS_USERNAME
  value: {{ $user.username | quote }}
{{- end }}
{{- range $file := include "redistimer.files" . | fromYamlArray }}
{{- range $variable, $path := $file.variables }}
- name: {{ $variable }}
  value: {{ printf "%s/%s" $file.folder $path | quote }}
{{- end }}
{{- end }}
- name: REDISTIMER_INSTALLATION
  value: {{ .root.Values.installation | quote }}
{{- with .root.Values.namespaces }}
- name: REDISTIMER_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- if eq .role "controller" }}
- name: REDISTIMER_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}
{{- range $name, $value := merge (dict) $values.settings $root.Values.settings }}
- name: {{ printf "REDISTIMER_%s" ($name | snakecase | upper) }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}


{{/* Who a role is for Redis: whoever it is by itself, else whoever both are. */}}
{{- define "redistimer.redisUser" -}}
{{- $own := (index .root.Values .role).redisAuth -}}
{{- ternary $own .root.Values.redis.auth (not (empty (or $own.username $own.usernameSecret.name))) | toYaml -}}
{{- end -}}

{{/* What is mounted from Secrets: a list of {name, secret, folder, items, variables}. Always whole folders: single files
would not follow their Secret. */}}
{{- define "redistimer.files" -}}
{{- $auth := .root.Values.redis.auth -}}
{{- $tls := .root.Values.redis.tls -}}
{{- $own := (index .root.Values .role).redisAuth.passwordSecret -}}
{{- $password := ternary $own $auth.passwordSecret (not (empty $own.name)) -}}
{{- $sentinel := $auth.sentinelPasswordSecret -}}
{{- $username := (include "redistimer.redisUser" . | fromYaml).usernameSecret -}}
{{- $known := list
  (dict "name" "redis-username" "secret" $username.name
    "items" (list (dict "key" $username.key "path" "username"))
    "variables" (dict "REDISTIMER_REDIS_USERNAME_FILE" "username"))
  (dict "name" "redis-password" "secret" $password.name
    "items" (list (dict "key" $password.key "path" "password"))
    "variables" (dict "REDISTIMER_REDIS_PASSWORD_FILE" "password"))
  (dict "name" "redis-sentinel-password" "secret" $sentinel.name
    "items" (list (dict "key" $sentinel.key "path" "password"))
    "variables" (dict "REDISTIMER_REDIS_SENTINEL_PASSWORD_FILE" "password"))
  (dict "name" "redis-ca" "secret" $tls.caSecret.name
    "items" (list (dict "key" $tls.caSecret.key "path" "ca.crt"))
    "variables" (dict "REDISTIMER_REDIS_CA_FILE" "ca.crt"))
  (dict "name" "redis-client" "secret" $tls.clientSecret.name
    "items" (list
      (dict "key" $tls.clientSecret.certKey "path" "tls.crt")
      (dict "key" $tls.clientSecret.keyKey "path" "tls.key"))
    "variables" (dict "REDISTIMER_REDIS_CERT_FILE" "tls.crt" "REDISTIMER_REDIS_KEY_FILE" "tls.key"))
-}}
{{- $files := list -}}
{{- range $known -}}
{{- if .secret -}}
{{- $files = append $files (merge (dict "folder" (printf "/etc/redistimer/%s" .name)) .) -}}
{{- end -}}
{{- end -}}
{{- $files | toYaml -}}
{{- end -}}

{{- define "redistimer.deployment" -}}
{{- $root := .root -}}
{{- $values := index .root.Values .role -}}
{{- $labelled := dict "root" .root "component" .role -}}
{{- $files := include "redistimer.files" . | fromYamlArray -}}
{{- $image := dict "image" .root.Values.image "default" .root.Chart.AppVersion -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "redistimer.fullname" .root }}-{{ .role }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "redistimer.labels" $labelled | nindent 4 }}
spec:
  replicas: {{ int64 $values.replicas }}
  selector:
    matchLabels:
      {{- include "redistimer.selector" $labelled | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        {{- include "redistimer.podLabels" $labelled | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "redistimer.serviceAccountName" . }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- if eq .role "worker" }}
      # What is being fired is finished within graceSeconds; the rest is for what comes before and after.
      terminationGracePeriodSeconds: {{ add 10 (ceil $values.settings.graceSeconds | int64) }}
      {{- else }}
      terminationGracePeriodSeconds: 30
      {{- end }}
      securityContext:
        {{- include "redistimer.podSecurity" .root.Values.podSecurity | nindent 8 }}
      containers:
        - name: {{ .role }}
          image: {{ include "redistimer.image" $image | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args:
            - {{ .role }}
            - --http-host=0.0.0.0
            - --http-port=8080
          env:
            {{- include "redistimer.env" . | nindent 12 }}
          ports:
            - name: http
              containerPort: 8080
              protocol: TCP
          startupProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "redistimer.containerSecurity" .root | nindent 12 }}
          {{- with $files }}
          volumeMounts:
            {{- range . }}
            - name: {{ .name }}
              mountPath: {{ .folder }}
              readOnly: true
            {{- end }}
          {{- end }}
      {{- with $files }}
      volumes:
        {{- range . }}
        - name: {{ .name }}
          secret:
            secretName: {{ .secret }}
            # Readable for the group of the Pod, which is fsGroup.
            defaultMode: 0440
            items:
              {{- toYaml .items | nindent 14 }}
        {{- end }}
      {{- end }}
      {{- with .root.Values.topologySpread }}
      topologySpreadConstraints:
        {{- range . }}
        - topologyKey: {{ .topologyKey }}
          maxSkew: {{ int64 .maxSkew }}
          whenUnsatisfiable: {{ .whenUnsatisfiable }}
          labelSelector:
            matchLabels:
              {{- include "redistimer.selector" $labelled | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}

{{- define "redistimer.serviceAccount" -}}
{{- $values := index .root.Values .role -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "redistimer.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "redistimer.labels" (dict "root" .root "component" .role) | nindent 4 }}
  {{- with $values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
# Only the Pods of the Deployment ask for a token.
automountServiceAccountToken: false
{{- end -}}

{{- define "redistimer.service" -}}
{{- $labelled := dict "root" .root "component" .role -}}
# For health and metrics; timers need no Service.
apiVersion: v1
kind: Service
metadata:
  name: {{ include "redistimer.fullname" .root }}-{{ .role }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "redistimer.labels" $labelled | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    {{- include "redistimer.selector" $labelled | nindent 4 }}
  ports:
    - name: http
      port: 8080
      targetPort: http
      protocol: TCP
{{- end -}}

{{- define "redistimer.podDisruptionBudget" -}}
{{- $values := index .root.Values .role -}}
{{- $labelled := dict "root" .root "component" .role -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "redistimer.fullname" .root }}-{{ .role }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "redistimer.labels" $labelled | nindent 4 }}
spec:
  {{- with $values.podDisruptionBudget.maxUnavailable }}
  maxUnavailable: {{ kindIs "string" . | ternary . (toJson . | int64) }}
  {{- end }}
  # A Pod that is not ready does not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "redistimer.selector" $labelled | nindent 6 }}
{{- end -}}

{{- define "redistimer.binding" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "redistimer.serviceAccountName" . }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
