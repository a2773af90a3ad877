"""The cluster that commands reach, where its credentials come from, and what is said where something is wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from controller.cli.cluster import CommandError, Where, reach, read_timer, run
from controller.cli.credentials import contexts, is_loopback
from controller.kube import paths
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import SettingsError
from tests.unit.cli.stub_cluster import StubCluster, timer_object

Printed = pytest.CaptureFixture[str]


def kubeconfig(
    file: Path, server: str = "http://127.0.0.1:1", proxy: str | None = None, **namespaces: str | None
) -> Path:
    """With a context for each; the first is the current one. JSON is YAML."""
    cluster = {"server": server} | ({"proxy-url": proxy} if proxy else {})
    entries = [
        {"name": name, "context": {"cluster": "here", "user": "me"} | ({"namespace": namespace} if namespace else {})}
        for name, namespace in namespaces.items()
    ]
    file.write_text(
        json.dumps(
            {
                "current-context": next(iter(namespaces)),
                "contexts": entries,
                "clusters": [{"name": "here", "cluster": cluster}],
                "users": [{"name": "me", "user": {"token": "the-token"}}],
            }
        )
    )
    return file


@pytest.fixture(autouse=True)
def _no_cluster_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def reached(where: Where) -> tuple[str, str]:
    """Namespace and address of the cluster."""

    async def reached() -> tuple[str, str]:
        async with reach(where) as cluster:
            return cluster.namespace, cluster.server

    return asyncio.run(reached())


def test_the_namespace_is_that_of_the_flag_else_of_the_context_else_default(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", one="billing", two=None)
    assert reached(Where(kubeconfig=file)) == ("billing", "http://127.0.0.1:1")
    assert reached(Where(kubeconfig=file, context="two"))[0] == "default"
    assert reached(Where(kubeconfig=file, namespace="other"))[0] == "other"


def test_a_kubeconfig_is_found_where_kubectl_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / ".kube").mkdir(parents=True)
    kubeconfig(tmp_path / "home" / ".kube" / "config", usual="of-home")
    assert reached(Where())[0] == "of-home"
    files = [kubeconfig(tmp_path / name, **{name: f"of-{name}"}) for name in ("first", "second")]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, [tmp_path / "missing", *files])))
    assert contexts(None) == ["first", "second"]
    assert reached(Where(context="first"))[0] == "of-first"
    flag = kubeconfig(tmp_path / "flag", flag="of-flag")
    assert reached(Where(kubeconfig=flag))[0] == "of-flag"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(), "no cluster to talk to: set KUBECONFIG or --kubeconfig"),
        (Where(kubeconfig=Path("missing")), "--kubeconfig: missing cannot be read: name a kubeconfig that exists"),
        (Where(kubeconfig=Path("text")), "text cannot be used as a kubeconfig: "),
        (Where(kubeconfig=Path("good"), context="three"), "--context: good has no context three: there are one, two"),
    ],
    ids=str,
)
def test_where_there_are_no_credentials_that_is_said(
    where: Where, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kubeconfig(tmp_path / "good", one=None, two=None)
    (tmp_path / "text").write_text("just a text")
    with pytest.raises(SettingsError) as error:
        reached(where)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://[::1]:6443", True),
        ("https://localhost:6443", True),
        ("https://10.0.0.1:6443", False),
        ("https://api.example.com", False),
    ],
)
def test_no_proxy_is_asked_for_this_machine(server: str, expected: bool) -> None:
    assert is_loopback(server) is expected


def test_requests_carry_the_credentials(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({"kind": "Namespace"})

    async def asked() -> dict[str, Any]:
        async with (
            _serving(answer) as address,
            reach(Where(kubeconfig=kubeconfig(tmp_path / "c", address, a=None))) as there,
        ):
            return await there.api.get("/api/v1/namespaces/default")

    assert asyncio.run(asked()) == {"kind": "Namespace"}
    assert seen == ["Bearer the-token"]


def test_a_cluster_behind_the_proxy_of_its_kubeconfig_is_reached(tmp_path: Path) -> None:
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(str(request.url))
        return web.json_response({"kind": "Namespace"})

    async def asked() -> None:
        async with _serving(answer) as proxy:
            file = kubeconfig(tmp_path / "config", "http://far.example", proxy, a=None)
            async with reach(Where(kubeconfig=file)) as there:
                await there.api.get("/version")

    asyncio.run(asked())
    assert seen == ["http://far.example/version"]


@asynccontextmanager
async def _serving(handler: Any) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_a_cluster_that_does_not_answer_is_told_with_its_address(tmp_path: Path, capsys: Printed) -> None:
    async def asked() -> int:
        async with reach(Where(kubeconfig=kubeconfig(tmp_path / "config", a=None))) as cluster:
            await cluster.api.get("/version")
        return 0

    assert run(asked()) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: the API server http://127.0.0.1:1 cannot be reached: is the cluster up, ")
    assert error.count("\n") == 1


async def _ends(error: Exception | None) -> int:
    if error is not None:
        raise error
    return 7


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (None, 7, ""),
        (CommandError("nothing\nis there"), 1, "error: nothing is there\n"),
        (CommandError("no", 2), 2, "error: no\n"),
        (SettingsError("no credentials"), 2, "error: no credentials\n"),
        (ApiUnreachableError("no answer"), 1, "error: no answer\n"),
        (ApiError(401, "Unauthorized", ""), 1, "error: the API server does not accept these credentials: log in again"),
        (ApiError(403, "Forbidden", "you cannot"), 1, "error: not allowed: you cannot\n"),
        (
            ApiError(404, "", "404 page not found\n"),
            1,
            "error: this cluster has no RedisTimers: install their definition",
        ),
        (ApiError(409, "Conflict", "changed"), 1, "error: the API server refuses: 409 Conflict: changed\n"),
    ],
    ids=str,
)
def test_an_end_is_a_code_and_at_most_one_line(error: Exception | None, code: int, words: str, capsys: Printed) -> None:
    assert run(_ends(error)) == code
    printed = capsys.readouterr()
    assert printed.err.startswith(words)
    assert printed.err.count("\n") == (error is not None)
    assert printed.out == ""


def test_a_fault_of_ours_is_not_dressed_up() -> None:
    with pytest.raises(RuntimeError):
        run(_ends(RuntimeError("a fault of ours")))


def read(stub: StubCluster, name: str) -> Coroutine[Any, Any, dict[str, Any]]:
    return read_timer(stub.cluster, name)


def test_a_timer_that_is_not_there_is_told_with_one_that_may_be_meant() -> None:
    stub = StubCluster(timer_object("report"), timer_object("cleanup"))
    assert asyncio.run(read(stub, "report"))["metadata"]["name"] == "report"
    for name, words in (
        ("reprot", "did you mean report?"),
        ("x", "kubectl get redistimers -n billing lists those there"),
    ):
        with pytest.raises(CommandError, match=f"there is no RedisTimer {name} in namespace billing") as error:
            asyncio.run(read(stub, name))
        assert str(error.value).endswith(words)


def test_who_may_not_list_timers_is_told_all_the_same() -> None:
    stub = StubCluster(timer_object("report"))
    stub.fail("GET", paths.timers("billing"), ApiError(403, "Forbidden", "no rights"))
    with pytest.raises(CommandError, match="there is no RedisTimer reprot"):
        asyncio.run(read(stub, "reprot"))


def test_a_cluster_without_the_definition_is_not_taken_for_one_without_this_timer() -> None:
    stub = StubCluster()
    stub.fail("GET", f"{paths.timers('billing')}/report", ApiError(404, "", "404 page not found\n"))
    with pytest.raises(ApiError):
        asyncio.run(read(stub, "report"))
