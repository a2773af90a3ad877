"""The product's processes on a stack: controllers and workers, each under its own ServiceAccount, never as admin."""

import itertools
import re
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Literal, get_args

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import Process, Stack
from tests.cluster.stack import CHECKOUT
from tests.integration.rights import Request, credential_of, read_requests
from tests.integration.waiting import wait_until
from tests.integration.world import KEYS, Cluster

Role = Literal["controller", "worker"]
ROLES: tuple[Role, ...] = get_args(Role)

NOT_REBUILT = "index: is not rebuilt yet: workers wait for a controller\n"
"""What /readyz of a worker says meanwhile."""

# Quick where a test waits for it, generous where a slow machine decides: nobody here restarts a controller that
# lost its leadership over a pause of the machine, so that stays at its default.
SETTINGS = {
    "HTTP_PORT": "0",
    "STATUS_SECONDS": "0.5",
    "LEASE_SECONDS": "5",
    "AHEAD_SECONDS": "3",
    "REAP_SECONDS": "0.5",
}


class Member:
    """One controller or worker."""

    def __init__(self, name: str, role: Role, process: Process, standard: bool) -> None:
        self.name = name
        self.role = role
        self.process = process
        self.standard = standard
        self.paused = False

    @property
    def alive(self) -> bool:
        """Whether it runs, or could if it were not paused."""
        return self.process.poll() is None

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self.process.log_text()

    def url(self) -> str:
        """Where it serves health and metrics."""
        pattern = r"(controller|worker) started.* address=(\S+)"
        found = wait_until(lambda: re.search(pattern, self.log), bool, f"{self.name} serves HTTP")
        assert found is not None
        return found[2]

    def wait_until_ready(self) -> None:
        """Until it does its job: a rollout would go on."""
        wait_until(lambda: self.get("/readyz"), lambda seen: seen == (200, "ok\n"), f"{self.name} is ready")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an HTTP answer."""
        try:
            with urllib.request.urlopen(self.url() + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, sample: str, **labels: str) -> float | None:
        """The value of a sample, None where there is none."""
        _, text = self.get("/metrics")
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                if one.name == sample and one.labels == labels:
                    return float(one.value)
        return None

    def pause(self) -> None:
        """Stop it in the middle of whatever it does (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def go_on(self) -> None:
        """Let a paused one go on (SIGCONT)."""
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def kill(self) -> None:
        """End it as a crash would (SIGKILL), and wait."""
        self.process.kill()
        self.process.wait(60)

    def terminate(self) -> int:
        """Ask it to end (SIGTERM), and return its exit code."""
        self.process.terminate()
        return self.process.wait(60)


def others(product: "Product", worker: Member) -> list[Member]:
    """The standard workers."""
    return [other for other in product.workers if other is not worker]


class Product:
    """All controllers and workers of a stack. Tests may do to them what they like: `restore` makes good."""

    def __init__(self, cluster: Cluster) -> None:
        stack = cluster.stack
        self._stack = stack
        self._redis = cluster.redis
        self._numbers = itertools.count(1)
        self._members: list[Member] = []
        self.own_kubeconfigs: dict[Role, Path] = {role: _own_kubeconfig(stack, role) for role in ROLES}
        """Those of the processes: what comes with their tokens is what the product asks for."""
        self.kubeconfigs: dict[Role, Path] = {role: _kubeconfig(stack, role) for role in ROLES}
        """For whoever wants to ask for something in the name of these accounts."""

    @property
    def members(self) -> list[Member]:
        """Those that are alive."""
        return [member for member in self._members if member.alive]

    @property
    def workers(self) -> list[Member]:
        """The workers that are alive."""
        return [member for member in self.members if member.role == "worker"]

    @property
    def controllers(self) -> list[Member]:
        """The controllers that are alive."""
        return [member for member in self.members if member.role == "controller"]

    def start(self, role: Role, *flags: str, kubeconfig: Path | None = None, **environment: str) -> Member:
        """Start one more; without waiting until it is ready."""
        name = f"{role}-{next(self._numbers)}"
        environ = self._stack.environment()
        environ |= {"KUBECONFIG": str(kubeconfig or self.own_kubeconfigs[role]), "PYTHONPATH": str(CHECKOUT)}
        environ |= {f"REDISTIMER_{key}": value for key, value in SETTINGS.items()} | {"REDISTIMER_IDENTITY": name}
        command = [sys.executable, "-m", "controller", role, *flags]
        process = self._stack.spawn(name, command, environ | environment)
        member = Member(name, role, process, standard=not flags and kubeconfig is None and not environment)
        self._members.append(member)
        return member

    def restore(self, controllers: int = 1, workers: int = 2) -> None:
        """Have exactly so many of each run, with the usual settings, on a Redis that is there.

        With a controller, wait until all are ready; without one, workers need not ever be.
        """
        if self._stack.redis.process is None or self._stack.redis.process.poll() is not None:
            self._stack.redis.start()
        wanted = {"controller": controllers, "worker": workers}
        ending = []
        for member in self.members:
            if member.paused and member.role == "worker":
                member.go_on()
            if member.paused:
                member.kill()
            elif member.standard and wanted[member.role] > 0:
                wanted[member.role] -= 1
            else:
                member.process.terminate()
                ending.append(member)
        for member in ending:
            member.process.wait(60)
        for _ in range(wanted["controller"]):
            self.start("controller")
        for _ in range(wanted["worker"]):
            self.start("worker")
        if controllers:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until one controller leads and every worker can claim."""
        if self.controllers:
            wait_until(lambda: [c.metric("redistimer_leader") for c in self.controllers], any, "a controller leads")
        for member in self.members:
            member.wait_until_ready()

    def leader(self) -> Member | None:
        """The controller that leads, by its own account."""
        return next((one for one in self.controllers if not one.paused and one.metric("redistimer_leader") == 1), None)

    def holder(self, ticket: str) -> Member | None:
        """The worker that has a lease on this ticket."""
        token = str(self._redis.hget(KEYS.lease, ticket) or "")
        return next((member for member in self._members if token.startswith(f"{member.name}.")), None)

    def wait_for_holder(self, ticket: str) -> Member:
        """Wait until some worker has a lease on this ticket."""
        holder = wait_until(lambda: self.holder(ticket), bool, "a worker holds the ticket")
        assert holder is not None
        return holder

    def requests(self) -> set[Request]:
        """What all that were ever started have asked of the API server, by its audit log."""
        assert self._stack.audit_log is not None
        return read_requests(self._stack.audit_log, map(credential_of, self.own_kubeconfigs.values()))

    def logs(self, lines: int = 40) -> str:
        """The last lines of each that was ever started since the last restore, for a failed test's report."""
        return "\n".join(f"--- {member.name}\n{member.process.log_tail(lines)}" for member in self._members[-8:])


def _kubeconfig(stack: Stack, role: Role) -> Path:
    return stack.kubeconfig_for("redistimer-system", f"redistimer-{role}")


def _own_kubeconfig(stack: Stack, role: Role) -> Path:
    # Under another name: the next one that is made for this account has another token, and the same file.
    return _kubeconfig(stack, role).rename(stack.directory / f"kubeconfig-of-each-{role}")
