"""deploy/install.yaml: the chart with its default values, for kubectl and as a base for Kustomize."""

from pathlib import Path

import yaml

from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import CHART, NAMESPACE, Object, render

INSTALL = CHECKOUT / "deploy" / "install.yaml"
CRDS = CHECKOUT / "crds" / "redistimers.yaml"
CRD_COPY = CHART / "files" / "crd.yaml"

_HELMS_OWN = ("helm.sh/chart", "app.kubernetes.io/managed-by", "helm.sh/resource-policy")
_HEADER = """\
# RedisTimer with its default values: kubectl apply --server-side -f deploy/install.yaml
# Made from deploy/helm/redistimer and crds/ by `python -m tests.deploy`; do not edit.
"""


def install_manifest(helm: Path) -> str:
    """What the file has to say; the same with every Helm."""
    objects = [_namespace(), *render(helm, {"crds": {"install": False}}, "--skip-tests")]
    parts = [yaml.safe_dump(_without_helm(each), sort_keys=False, width=120) for each in objects]
    return _HEADER + "---\n".join([parts[0], CRDS.read_text(), *parts[1:]])


def _namespace() -> Object:
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    labels = {"app.kubernetes.io/name": "redistimer", **levels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _without_helm(node: object) -> object:
    if isinstance(node, dict):
        return {key: _without_helm(value) for key, value in node.items() if key not in _HELMS_OWN}
    return [_without_helm(item) for item in node] if isinstance(node, list) else node
