"""Helm, in each major version: the one on PATH where it is that, else compiled once, as the control plane is."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.cluster.build import GoProgram
from tests.cluster.errors import StackError

MAJORS = (3, 4)
"""The major versions that the chart has to work with."""


def helm_program(major: int) -> GoProgram:
    """Return what is compiled for a major version; its own version is pinned in ``helm<major>/go.mod``."""
    module = f"helm.sh/helm/v{major}"
    stamps = [f"{module}/internal/version.version={{version}}"]
    sources = Path(__file__).parent / f"helm{major}"
    if major == 3:
        # Helm 4 reads this from its own build; Helm 3 believes in Kubernetes 1.20 unless told.
        minor = _kubernetes_minor(sources / "go.mod")
        for package in ("pkg/chartutil", "pkg/lint/rules"):
            stamps += [f"{module}/{package}.k8sVersionMajor=1", f"{module}/{package}.k8sVersionMinor={minor}"]
    return GoProgram(
        name=f"helm{major}",
        title=f"Helm {major}",
        sources=sources,
        module=module,
        usual_time="2-4 minutes on 2 cores",
        links=("helm",),
        stamps=tuple(stamps),
        package=f"{module}/cmd/helm",
    )


@cache
def find_helm(major: int) -> Path:
    """Return a helm of that major version; StackError when none can be had."""
    return choose_helm(major, os.environ)


def choose_helm(major: int, environ: Mapping[str, str]) -> Path:
    """Return the helm on PATH if it is of that major version, else the compiled one, compiling it if need be."""
    on_path = shutil.which("helm", path=environ.get("PATH"))
    if on_path is not None and _major(on_path) == major:
        return Path(on_path)
    try:
        return helm_program(major).build(environ) / "helm"
    except StackError as error:
        raise StackError(f"there is no helm of version {major} on PATH, and it cannot be compiled:\n{error}") from None


def _major(helm: str) -> int | None:
    try:
        done = subprocess.run([helm, "version", "--short"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"v(\d+)\.", done.stdout)
    return int(match[1]) if match else None


def _kubernetes_minor(go_mod: Path) -> str:
    match = re.search(r"k8s\.io/client-go v0\.(\d+)\.", go_mod.read_text())
    if match is None:
        raise StackError(f"{go_mod} requires no k8s.io/client-go")
    return match[1]
