"""Where a helm comes from, with programs that only pretend."""

import re
from pathlib import Path

import pytest

from tests.cluster.errors import StackError
from tests.cluster.helm import MAJORS, choose_helm, helm_program


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty cache, and a helm 3 on PATH."""
    pretend(tmp_path / "bin" / "helm", "echo v3.99.0+g1234567")
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def pretend(program: Path, script: str) -> None:
    """Put a program there."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_the_one_on_path_is_taken_where_it_is_of_that_version(environ: dict[str, str], tmp_path: Path) -> None:
    assert choose_helm(3, environ) == tmp_path / "bin" / "helm"


def test_another_one_is_compiled_from_the_module_that_is_pinned(environ: dict[str, str], tmp_path: Path) -> None:
    go = f"""\
echo "$@" >> {tmp_path}/calls
case "$1" in
  env) echo go1.26.3 ;;
  list) echo some/package ;;
  build) while [ "$1" != -o ]; do shift; done; echo "echo v4" > "$2"; chmod +x "$2" ;;
esac"""
    pretend(tmp_path / "bin" / "go", go)
    helm = choose_helm(4, environ)
    assert helm.parent.name.startswith(f"helm4-{helm_program(4).version()}-")
    assert re.search(r"^build .* helm\.sh/helm/v4/cmd/helm$", (tmp_path / "calls").read_text(), re.MULTILINE)


def test_where_neither_can_be_had_both_reasons_are_told(environ: dict[str, str], tmp_path: Path) -> None:
    pretend(tmp_path / "bin" / "go", 'test "$1" = env && echo go1.26.3 || { echo no network >&2; exit 1; }')
    with pytest.raises(StackError, match=r"(?s)no helm of version 4 on PATH.*no network"):
        choose_helm(4, environ)


@pytest.mark.parametrize("major", MAJORS)
def test_each_says_which_version_it_is_and_which_kubernetes_it_knows(major: int) -> None:
    program = helm_program(major)
    assert program.version().startswith(f"v{major}.")
    assert f"-X helm.sh/helm/v{major}/internal/version.version={program.version()}" in program.flags()[-1]
    assert ("k8sVersionMinor=" in program.flags()[-1]) == (major == 3)
