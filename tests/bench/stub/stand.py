"""Redis and a stub, and what they need to be used by controllers and workers: a bench without a cluster."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.stub.__main__ import LISTENING
from tests.cluster.certificates import Certificates, create_certificates
from tests.cluster.errors import StackError
from tests.cluster.guarded import Guarded
from tests.cluster.kubeconfig import write_kubeconfig
from tests.cluster.processes import Guard, Process
from tests.cluster.redis_server import RedisServer

_CHECKOUT = Path(__file__).resolve().parents[3]
_READY_S = 120.0
_POLL_S = 0.05


class Stand(Guarded):
    """A Redis and a stub, as processes that are gone at the end. Use it as a context manager.

    `stub_arguments` are those of ``python -m tests.bench.stub``. With `tls` the stub is spoken to by HTTPS, as an API
    server is, and that costs both sides CPU.
    """

    redis: RedisServer
    stub: Process
    server: str

    def __init__(self, stub_arguments: Sequence[str], tls: bool = True) -> None:
        self._arguments = stub_arguments
        self._tls = tls
        self._certificates: Certificates

    def _start(self, guard: Guard) -> None:
        self.redis = RedisServer(guard)
        self.redis.start()
        self._certificates = files = create_certificates(guard.directory / "certificates")
        command = [sys.executable, "-m", "tests.bench.stub", *self._arguments]
        if self._tls:
            command += ["--certificate", str(files.server), "--key", str(files.server_key)]
        self.stub = guard.spawn("stub", command, cwd=_CHECKOUT)
        self.server = f"http{'s' if self._tls else ''}://127.0.0.1:{self._port()}"

    @property
    def redis_url(self) -> str:
        """The redis:// URL of its Redis."""
        return self.redis.url

    def environment(self) -> dict[str, str]:
        """The environment of a process that uses it, but for KUBECONFIG."""
        return {**os.environ, "REDIS_URL": self.redis_url}

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig with a token; the stub believes everybody."""
        return write_kubeconfig(
            self._running_guard.directory / f"kubeconfig-{service_account}",
            server=self.server,
            authority=self._certificates.authority,
            user={"token": f"{namespace}-{service_account}"},
            namespace=namespace,
        )

    def spawn(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
        """Start a process that never outlives this."""
        return self._running_guard.spawn(name, argv, self.environment() if env is None else env, grace_s=5.0)

    async def ask(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Ask the stub itself."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
            session.get(self.server + path, params=parameters, ssl=False) as response,
        ):
            answer: dict[str, Any] = await response.json()
            return answer

    def _port(self) -> int:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if LISTENING in (text := self.stub.log_text()) and text.endswith("\n"):
                return int(text.rpartition(LISTENING)[2])
            if (code := self.stub.poll()) is not None:
                raise StackError(f"the stub ended while starting (exit code {code}):\n{self.stub.log_tail()}")
            time.sleep(_POLL_S)
        raise StackError(f"the stub does not serve after {_READY_S:.0f} s")
