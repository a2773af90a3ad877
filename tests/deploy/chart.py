"""The chart, rendered by whichever Helm, and what is made of it."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.stack import CHECKOUT

CHART = CHECKOUT / "deploy" / "helm" / "redistimer"
RELEASE = "redistimer"
NAMESPACE = "redistimer-system"
CRD = "redistimers.redistimer.dev"

Object = dict[str, Any]
Values = Mapping[str, Any]


class HelmError(Exception):
    """Helm did not do it; the message is what it said."""


def run_helm(helm: Path, arguments: Sequence[str | Path], values: Values | None = None, **environment: str) -> str:
    """Run helm with these values, without plugins or repositories of whoever runs it; returns what it printed.

    HelmError where it fails.
    """
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [helm, *arguments, *(["-f", "-"] if values else [])],
            input=yaml.safe_dump(dict(values)) if values else None,
            stdin=None if values else subprocess.DEVNULL,
            # Without a HOME it would leave a folder where it is called.
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "KUBECONFIG": os.devnull, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise HelmError(f"{done.stderr}{done.stdout}")
    return done.stdout


def render(helm: Path, values: Values | None = None, *flags: str, namespace: str = NAMESPACE) -> list[Object]:
    """The objects that a release with these values consists of, in the order of the manifest."""
    return load_all(run_helm(helm, ["template", RELEASE, CHART, "--namespace", namespace, *flags], values))


def load_all(text: str) -> list[Object]:
    """The objects of a manifest."""
    # The pure Python loader takes a second for the CRD alone.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, loader) if document]


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    """Those of some kinds."""
    return [one for one in objects if one["kind"] in kinds]


def one(objects: Iterable[Object], kind: str, name: str) -> Object:
    """The one of a kind and name."""
    (found,) = (one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)
    return found


def role_container(objects: Iterable[Object], role: str) -> Object:
    """The container of a role's Deployment."""
    (container,) = one(objects, "Deployment", f"{RELEASE}-{role}")["spec"]["template"]["spec"]["containers"]
    return dict(container)


def pod_templates(objects: Iterable[Object]) -> list[Object]:
    """Everything that becomes a Pod, as a Pod."""
    pods = []
    for owner in of_kind(objects, "Deployment", "StatefulSet"):
        template, name = owner["spec"]["template"], owner["metadata"]["name"]
        pods.append(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**template["metadata"], "name": name, "namespace": owner["metadata"]["namespace"]},
                "spec": template["spec"],
            }
        )
    return pods + of_kind(objects, "Pod")


CASES: dict[str, Values] = {
    "as it is": {},
    "one server of one's own": {
        "redis": {"bundled": {"enabled": False}, "external": {"url": "redis://redis.example.com:6379/3"}},
    },
    "a URL with credentials, in a Secret": {
        "redis": {"bundled": {"enabled": False}, "external": {"urlSecret": {"name": "redis-url"}}},
    },
    "Sentinel with TLS and passwords": {
        "redis": {
            "bundled": {"enabled": False},
            "external": {"url": "rediss+sentinel://a.example.com:26379,b.example.com/mymaster/0"},
            "auth": {
                "usernameSecret": {"name": "redis-login", "key": "redis-user"},
                "passwordSecret": {"name": "redis-login", "key": "redis-password"},
                "sentinelPasswordSecret": {"name": "sentinel-login"},
            },
            "tls": {"caSecret": {"name": "redis-ca"}, "clientSecret": {"name": "redis-client"}},
        },
    },
    "a cluster with a user for each role": {
        "redis": {
            "bundled": {"enabled": False},
            "external": {"url": "redis+cluster://a.example.com:6379,b.example.com:6379"},
        },
        "controller": {"redisAuth": {"username": "the-controller", "passwordSecret": {"name": "controller-login"}}},
        "worker": {"redisAuth": {"username": "the-worker", "passwordSecret": {"name": "worker-login"}}},
        "networkPolicy": {"egress": {"enabled": True, "redisPorts": [6379]}},
    },
    "the bundled Redis with a password and a volume": {
        "redis": {
            "bundled": {"persistence": {"enabled": True, "storageClassName": "fast"}, "image": {"tag": "8"}},
            "auth": {"passwordSecret": {"name": "redis-login"}},
        },
        "networkPolicy": {"egress": {"enabled": True, "extra": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]}},
    },
    "another installation, by other names": {
        "installation": "blue",
        "fullnameOverride": "timers",
        "commonLabels": {"team": "platform"},
        "controller": {"serviceAccount": {"name": "timers-boss", "annotations": {"example.com/a": "b"}}},
        "crds": {"install": False},
    },
    "who may have Jobs run, asked before": {
        "admissionPolicy": {"enabled": True, "validationActions": ["Warn", "Audit"]},
    },
    "some namespaces, installed by who has no rights on the cluster": {
        "namespaces": ["team-a", "team-b"],
        "crds": {"install": False},
        "rbac": {"people": False},
    },
    "monitored by the Prometheus operator": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "grafanaDashboard": {"enabled": True},
        "networkPolicy": {
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
        },
    },
    "everything about Pods": {
        "image": {
            "repository": "registry.example.com/redistimer",
            "digest": f"sha256:{'0123456789abcdef' * 4}",
            "pullPolicy": "Always",
        },
        "imagePullSecrets": [{"name": "pull"}],
        "podSecurity": {"runAsUser": 1000, "runAsGroup": 1000},
        "topologySpread": [],
        "settings": {"useProxy": True, "logFormat": "plain", "apiTimeoutSeconds": 2.5},
        "controller": {
            "replicas": 3,
            "podDisruptionBudget": {"enabled": False},
            "settings": {"rebuildSeconds": 86400, "eventsPerSecond": 10000},
        },
        "worker": {
            "replicas": 20,
            "settings": {"preparedLimit": 100000, "graceSeconds": 120},
            "podDisruptionBudget": {"maxUnavailable": "25%"},
            "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
            "nodeSelector": {"kubernetes.io/arch": "arm64"},
            "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            "priorityClassName": "system-cluster-critical",
            "podAnnotations": {"example.com/a": "b"},
            "podLabels": {"example.com/c": "d"},
            "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
        },
    },
    "few rights for people, none for strangers": {
        "rbac": {"aggregate": {"view": False, "edit": True, "admin": True}},
        "crds": {"keep": False},
        "networkPolicy": {"metricsFrom": []},
    },
    "roles made by somebody else, users by the platform": {
        "rbac": {"create": False},
        "networkPolicy": {"enabled": False},
        "podSecurity": {"runAsUser": None, "runAsGroup": None},
        "redis": {"bundled": {"runAsUser": None}},
    },
}
"""Values by what they are about: together they take every turn that the templates have."""

LARGEST_RELEASE_BYTES = 1_000_000
"""Helm keeps a release in one Secret, which holds no more than about that."""
