"""The product's processes: each behind a port of the proxy, started again when it has ended, let go when it stopped."""

import asyncio
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import orjson
import yaml

from tests.chaos import failing
from tests.chaos.proxy import Proxy
from tests.cluster import Process, Stack
from tests.cluster.stack import CHECKOUT
from tests.harness.product import NAMESPACE

SETTINGS = {
    "HTTP_PORT": "0",
    "INSTALLATION": "default",
    "LEASE_SECONDS": "5",
    "AHEAD_SECONDS": "3",
    "REAP_SECONDS": "0.5",
    "LEADER_SECONDS": "6",
    "STATUS_SECONDS": "1",
    "REBUILD_SECONDS": "20",
    "LOG_FORMAT": "plain",
}
"""Quicker than the defaults, in the same proportions: so more faults fit into a minute."""

_LOOK_S = 0.2
_RESTART_S = (0.3, 3.0)
_STOPPED_S = (1.0, 12.0)


class Member:
    """One worker or controller, over all its lives."""

    def __init__(self, name: str, role: str, kubeconfig: Path) -> None:
        self.name = name
        self.role = role
        self.kubeconfig = kubeconfig
        self.process: Process | None = None
        self.lives = 0
        self.start_at_s = 0.0
        self.go_on_at_s: float | None = None


class Members:
    """All of them, on a stack."""

    def __init__(self, stack: Stack, redis_url: str, journals: Path, failpoints: failing.Settings) -> None:
        self._stack = stack
        self._redis_url = redis_url
        self._journals = journals
        self._failpoints = failpoints
        self._chance = random.Random(f"{failpoints.seed}/members")
        self._supervising: asyncio.Task[None] | None = None
        self.all: list[Member] = []
        self.ended: Counter[str] = Counter()
        """How processes ended, by role and exit code."""

    async def start(self, proxy: Proxy, workers: int, controllers: int) -> None:
        """Start so many of each."""
        for role, count in (("controller", controllers), ("worker", workers)):
            original = self._stack.kubeconfig_for(NAMESPACE, f"redistimer-{role}")
            for number in range(1, count + 1):
                name = f"{role}-{number}"
                content = yaml.safe_load(original.read_text())
                content["clusters"][0]["cluster"]["server"] = await proxy.listen(name)
                kubeconfig = original.with_name(f"kubeconfig-{name}")
                kubeconfig.touch(mode=0o600)
                kubeconfig.write_text(yaml.safe_dump(content))
                self.all.append(Member(name, role, kubeconfig))
        for member in self.all:
            self._start(member)
        self._supervising = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Leave them to the stack's end."""
        if self._supervising:
            self._supervising.cancel()
            await asyncio.gather(self._supervising, return_exceptions=True)

    def of(self, role: str) -> list[Member]:
        """Those of a role."""
        return [member for member in self.all if member.role == role]

    def kill(self, member: Member) -> None:
        """End it as a crash does; it is started again a little later."""
        if member.process is not None:
            member.process.kill()
            member.go_on_at_s = None

    def pause(self, member: Member, seconds: float) -> None:
        """Stop it where it is, for so long."""
        if member.process is not None:
            member.go_on_at_s = time.monotonic() + seconds
            member.process.send_signal(signal.SIGSTOP)

    def heal(self) -> None:
        """Have all of them run."""
        for member in self.all:
            if member.go_on_at_s is not None:
                member.go_on_at_s = 0.0

    def logs(self, lines: int = 30) -> str:
        """The last lines of each."""
        return "\n".join(f"--- {one.name}\n{one.process.log_tail(lines)}" for one in self.all if one.process)

    def _start(self, member: Member) -> None:
        member.lives += 1
        member.go_on_at_s = None
        failpoints = {
            **asdict(self._failpoints),
            "process": member.name,
            "seed": f"{self._failpoints.seed}/{member.name}/{member.lives}",
            "journal": str(self._journals / f"{member.name}.journal"),
            "deaf": self._chance.random() < 0.2,
        }
        environment = {
            **self._stack.environment(),
            **{f"REDISTIMER_{key}": value for key, value in SETTINGS.items()},
            "KUBECONFIG": str(member.kubeconfig),
            "REDIS_URL": self._redis_url,
            "REDISTIMER_NAMESPACE": NAMESPACE,
            "REDISTIMER_IDENTITY": f"{member.name}-{member.lives}",
            "PYTHONPATH": str(CHECKOUT),
            failing.SETTINGS: orjson.dumps(failpoints).decode(),
        }
        command = [sys.executable, "-m", "tests.chaos.failing", member.role]
        member.process = self._stack.spawn(member.name, command, environment)

    async def _supervise(self) -> None:
        while True:
            for member in self.all:
                self._look_at(member)
            await asyncio.sleep(_LOOK_S)

    def _look_at(self, member: Member) -> None:
        assert member.process is not None
        now_s = time.monotonic()
        code = member.process.poll()
        if code is not None:
            if not member.start_at_s:
                self.ended[f"{member.role}: {code}"] += 1
                member.start_at_s = now_s + self._chance.uniform(*_RESTART_S)
            elif now_s >= member.start_at_s:
                member.start_at_s = 0.0
                self._start(member)
        elif _is_stopped(member.process.pid):
            if member.go_on_at_s is None:
                # It has stopped itself, at a point on its way.
                member.go_on_at_s = now_s + self._chance.uniform(*_STOPPED_S)
            elif now_s >= member.go_on_at_s:
                member.go_on_at_s = None
                member.process.send_signal(signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] == "T"
