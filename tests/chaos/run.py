"""One run: start everything, create the timers, break things as planned, let it become quiet, and audit."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import failing
from tests.chaos.auditor import audit
from tests.chaos.client import Admin, now_ms
from tests.chaos.faults import Faults, keep_logs
from tests.chaos.history import History
from tests.chaos.members import Members
from tests.chaos.plan import Action, Plan
from tests.chaos.proxy import Proxy
from tests.chaos.recorder import POLICY, Recorder, read_journals
from tests.chaos.redis_rig import RedisRig
from tests.chaos.timers import NAMESPACES
from tests.chaos.users import Users
from tests.chaos.verdict import Verdict
from tests.cluster import Stack
from tests.cluster.processes import Guard
from tests.harness.product import wait_until_ready

CALM_S = 5
"""Before the first fault."""
RECOVERY_S = 45
"""After the last one everything must be well within so long; what is due from then on has to run at its time."""
PROOF_S = 20
"""So long it has to stay well."""
DRAIN_S = 8
STANDSTILL_S = 10
"""For the last Jobs and statuses to be seen: so long, and as long after that as something is still being told."""
_SNAPSHOT_S = 15
_SAY_S = 30


@dataclass(frozen=True)
class Options:
    """What is the same for all runs of a seed is in the plan; this is the rest."""

    fault_s: float
    workers: int = 3
    controllers: int = 2
    sentinel: bool = True
    failpoint_mean_s: float = 45.0
    mutant: str = ""
    calm_s: float = CALM_S
    recovery_s: float = RECOVERY_S
    proof_s: float = PROOF_S


@dataclass
class Result:
    """All that a run comes to."""

    history: History
    verdict: Verdict
    harmed: dict[str, int] = field(default_factory=dict)
    """Requests to the API server that were, by how."""
    users: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    not_done: dict[str, int] = field(default_factory=dict)


def run(plan: Plan, options: Options, folder: Path, say: Callable[[str], None]) -> Result:
    """Do a run, with everything that it needs; logs and the history are kept in the folder."""
    with ExitStack() as resources:
        guard = resources.enter_context(Guard())
        say("starting Redis, then a Kubernetes control plane (about 15 seconds) ...")
        rig = RedisRig(guard, options.sentinel)
        rig.start()
        stack = resources.enter_context(Stack(audit=POLICY, redis=False))
        stack.install()
        for namespace in NAMESPACES:
            stack.kubectl("create", "namespace", namespace)
        try:
            result = asyncio.run(_run(plan, options, stack, rig, folder, say))
        finally:
            keep_logs(stack, [guard.directory], folder)
    result.history.save(folder / "history.json")
    return result


async def _run(
    plan: Plan, options: Options, stack: Stack, rig: RedisRig, folder: Path, say: Callable[[str], None]
) -> Result:
    history = History()
    async with Admin(stack.kubeconfig) as admin, AsyncExitStack() as resources:
        assert stack.audit_log is not None
        proxy = Proxy(admin.server, admin.tls_for_others(), f"{plan.seed}/proxy")
        recorder = Recorder(admin, stack.audit_log, history)
        resources.push_async_callback(recorder.stop)
        resources.push_async_callback(proxy.close)
        await recorder.start()
        window = folder / "failpoints"
        failpoints = failing.Settings(
            process="",
            seed=f"{plan.seed}/failpoints",
            journal="",
            mean_s=options.failpoint_mean_s,
            window=str(window),
            mutant=options.mutant,
        )
        members = Members(stack, rig.url, folder, failpoints)
        resources.push_async_callback(members.stop)
        users = Users(admin, history, plan.seed)
        faults = Faults(stack, rig, proxy, members, history)
        say("starting controllers and workers ...")
        await members.start(proxy, options.workers, options.controllers)
        for member in (members.of("controller")[0], *members.of("worker")):
            assert member.process is not None
            await wait_until_ready(member.process, lambda _: None)
        say(f"creating {len(plan.timers)} timers ...")
        await users.create_all(plan.timers)
        await asyncio.sleep(options.calm_s)
        begin_ms = now_ms()
        until_ms = begin_ms + round(options.fault_s * 1000)
        window.write_text(f"{begin_ms} {until_ms}")
        say(f"{len(plan.faults)} faults within {options.fault_s:.0f} s, beside failpoints")
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(_snapshots(rig)),
                group.create_task(_progress(history, recorder, begin_ms, say)),
            ]
            doing = [
                group.create_task(_all(plan.faults, faults.do, group)),
                group.create_task(_all(plan.users, users.act, group)),
                group.create_task(asyncio.sleep(options.fault_s)),
            ]
            await asyncio.wait(doing)
            for task in background:
                task.cancel()
        say("no more faults; waiting until all is well again ...")
        await faults.heal()
        history.quiet_ms = max(now_ms(), until_ms) + round(options.recovery_s * 1000)
        await asyncio.sleep((history.quiet_ms - now_ms()) / 1000 + options.proof_s)
        history.end_ms = now_ms() - 2_000
        await _drain(recorder, history.end_ms)
    read_journals(folder, history)
    history.faults.sort(key=lambda fault: fault.from_ms)
    verdict = audit(history)
    return Result(history, verdict, dict(proxy.harmed), dict(users.done), dict(members.ended), dict(faults.not_done))


async def _drain(recorder: Recorder, end_ms: int) -> None:
    """Wait until every status has told what it has to tell, or none tells more."""
    await asyncio.sleep(DRAIN_S)
    left, since_s = recorder.unsettled(end_ms), time.monotonic()
    while left and time.monotonic() - since_s < STANDSTILL_S:
        await asyncio.sleep(1)
        if (now_left := recorder.unsettled(end_ms)) != left:
            left, since_s = now_left, time.monotonic()


async def _all(actions: Iterable[Action], do: Callable[[Action], object], group: asyncio.TaskGroup) -> None:
    """Begin each at its instant; they last as long as they last."""
    started_s = time.monotonic()
    for action in actions:
        await asyncio.sleep(started_s + action.at_s - time.monotonic())
        group.create_task(do(action))  # type: ignore[arg-type]


async def _snapshots(rig: RedisRig) -> None:
    while True:
        await asyncio.to_thread(rig.make_snapshot)
        await asyncio.sleep(_SNAPSHOT_S)


async def _progress(history: History, recorder: Recorder, begin_ms: int, say: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_SAY_S)
        past_s = (now_ms() - begin_ms) // 1000
        say(f"{past_s} s: {recorder.jobs_so_far()} Jobs, {len(history.faults)} faults, {len(history.versions)} specs")
