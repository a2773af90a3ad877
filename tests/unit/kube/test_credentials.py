"""Credentials that change while a process runs, and such as end."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import Settings
from tests.unit.kube.faulty import listening, write_kubeconfig


class Gate:
    """A server that accepts one token."""

    def __init__(self, accepted: str) -> None:
        self.accepted = accepted
        self.shown: list[str] = []

    async def __call__(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        self.shown.append(token)
        if token != self.accepted:
            return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)
        return web.json_response({"path": request.path})


@pytest.fixture(autouse=True)
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass for who remembers when credentials were read last."""
    passed = 1000.0

    def pass_s(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    class Time:
        @staticmethod
        def monotonic() -> float:
            pass_s(0.001)
            return passed

    monkeypatch.setattr("controller.kube.api.time", Time)
    return pass_s


async def test_a_token_that_was_replaced_in_the_kubeconfig_is_found_once_the_old_one_is_refused(tmp_path: Path) -> None:
    gate = Gate("first")
    async with listening(gate) as address:
        file = write_kubeconfig(tmp_path / "kubeconfig", address, token="first")
        async with await ApiServer.connect(Settings(kubeconfig=file)) as api:
            await api.get("/1")
            write_kubeconfig(file, address, token="second")
            gate.accepted = "second"
            assert await api.create("/2", b"{}") == {"path": "/2"}
            assert await api.get("/3") == {"path": "/3"}
    assert gate.shown == ["first", "first", "second", "second"]


async def test_a_token_file_that_a_kubeconfig_names_is_read_again(tmp_path: Path) -> None:
    gate, token = Gate("first"), tmp_path / "token"
    token.write_text("first")
    async with listening(gate) as address:
        file = write_kubeconfig(tmp_path / "kubeconfig", address, tokenFile=str(token))
        async with await ApiServer.connect(Settings(kubeconfig=file)) as api:
            await api.get("/1")
            token.write_text("second\n")
            gate.accepted = "second"
            assert await api.get("/2") == {"path": "/2"}


async def test_a_program_that_a_kubeconfig_names_is_asked_again(tmp_path: Path) -> None:
    gate, token = Gate("first"), tmp_path / "token"
    token.write_text("first")
    version = "client.authentication.k8s.io/v1"
    program = f"import json; print(json.dumps({{'apiVersion': '{version}', 'kind': 'ExecCredential', "
    program += f"'status': {{'token': open({str(token)!r}).read()}}}}))"
    async with listening(gate) as address:
        file = write_kubeconfig(tmp_path / "kubeconfig", address)
        config = json.loads(file.read_text())
        config["users"][0]["user"] = {
            "exec": {"apiVersion": version, "command": sys.executable, "args": ["-c", program]}
        }
        file.write_text(json.dumps(config))
        async with await ApiServer.connect(Settings(kubeconfig=file)) as api:
            await api.get("/1")
            token.write_text("second")
            gate.accepted = "second"
            assert await api.get("/2") == {"path": "/2"}


async def test_credentials_that_stay_refused_are_no_answer_and_are_not_read_for_every_request(
    tmp_path: Path, monotonic: Callable[[float], None]
) -> None:
    gate = Gate("another")
    async with listening(gate) as address:
        file = write_kubeconfig(tmp_path / "kubeconfig", address, token="first")
        async with await ApiServer.connect(Settings(kubeconfig=file)) as api:
            for _ in range(3):
                with pytest.raises(
                    ApiUnreachableError, match=r"GET /x: credentials are not accepted \(401 Unauthorized"
                ):
                    await api.get("/x")
            assert len(gate.shown) == 4
            monotonic(11)
            write_kubeconfig(file, address, token="another")
            assert await api.get("/y") == {"path": "/y"}


async def test_many_that_are_refused_at_once_read_them_once_and_all_go_on(tmp_path: Path) -> None:
    gate = Gate("first")
    async with listening(gate) as address:
        file = write_kubeconfig(tmp_path / "kubeconfig", address, token="first")
        async with await ApiServer.connect(Settings(kubeconfig=file)) as api:
            write_kubeconfig(file, address, token="second")
            gate.accepted = "second"
            answers = await asyncio.gather(*(api.get(f"/{number}") for number in range(10)))
    assert answers == [{"path": f"/{number}"} for number in range(10)]


@pytest.mark.parametrize("content", [None, "", "not: [a kubeconfig", "{}"])
async def test_a_kubeconfig_that_is_gone_or_broken_meanwhile_ends_nothing(tmp_path: Path, content: str | None) -> None:
    gate = Gate("first")
    async with listening(gate) as address:
        file = write_kubeconfig(tmp_path / "kubeconfig", address, token="first")
        async with await ApiServer.connect(Settings(kubeconfig=file)) as api:
            if content is None:
                file.unlink()
            else:
                file.write_text(content)
            gate.accepted = "second"
            with pytest.raises(ApiUnreachableError):
                await api.get("/x")
            gate.accepted = "first"
            assert await api.get("/y") == {"path": "/y"}


async def test_without_a_way_to_renew_them_a_refusal_is_a_refusal(tmp_path: Path) -> None:
    """As for the commands for people."""
    async with listening(Gate("another")) as address, ApiServer(Configuration(host=address), Settings()) as api:
        with pytest.raises(ApiError, match="401 Unauthorized"):
            await api.get("/x")


class ServiceAccount:
    """The token of a Pod, as the kubelet keeps it on disk."""

    def __init__(self, folder: Path) -> None:
        self.token, ca = folder / "token", folder / "ca.crt"
        self.token.write_text("first")
        ca.write_text("x")
        environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
        self.loader = InClusterConfigLoader(str(self.token), str(ca), environ=environ)
        self.configuration = Configuration()
        self.loader.load_and_set(self.configuration)

    def a_minute_passes(self) -> None:
        self.loader.token_expires_at -= self.loader._token_refresh_period


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceAccount:
    # A minute that passes here is longer than a token is used unasked.
    monkeypatch.setattr("controller.kube.api._TOKEN_LASTS_S", 0.0)
    return ServiceAccount(tmp_path)


async def test_the_token_of_a_service_account_is_read_again_every_minute(account: ServiceAccount) -> None:
    gate = Gate("first")
    async with listening(gate) as address:
        account.loader.host, account.loader.ssl_ca_cert = address, None
        account.loader._set_config(account.configuration)
        async with ApiServer(account.configuration, Settings()) as api:
            await api.get("/1")
            account.token.write_text("second")
            account.a_minute_passes()
            gate.accepted = "second"
            assert await api.get("/2") == {"path": "/2"}


@pytest.mark.parametrize("content", [None, ""])
async def test_a_token_file_that_cannot_be_read_for_a_moment_ends_nothing(
    account: ServiceAccount, content: str | None
) -> None:
    gate = Gate("first")
    async with listening(gate) as address:
        account.loader.host, account.loader.ssl_ca_cert = address, None
        account.loader._set_config(account.configuration)
        async with ApiServer(account.configuration, Settings()) as api:
            await api.get("/1")
            if content is None:
                account.token.unlink()
            else:
                account.token.write_text(content)
            account.a_minute_passes()
            assert await api.get("/2") == {"path": "/2"}


async def test_many_requests_ask_once_for_the_token_they_share(
    account: ServiceAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.kube.api._TOKEN_LASTS_S", 60.0)
    asked: list[Configuration] = []

    async def hook(configuration: Configuration) -> None:
        asked.append(configuration)

    account.configuration.refresh_api_key_hook = hook
    async with listening(Gate("first")) as address:
        account.configuration.host, account.configuration.ssl_ca_cert = address, None
        async with ApiServer(account.configuration, Settings()) as api:
            for _ in range(5):
                await api.get("/1")
    assert len(asked) == 1
