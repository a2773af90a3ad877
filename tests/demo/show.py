"""The course of the demo: start, apply, watch, wait for what is still due at the end, add up."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError, ApiUnreachableError
from controller.loops import cancel, wall_clock_ms
from controller.settings import load_settings
from tests.cluster import Process
from tests.demo.clusters import Cluster
from tests.demo.displays import Display
from tests.demo.screen import ProcessView
from tests.demo.story import JobStory, Story
from tests.demo.summary import summary, total_account, verdict
from tests.demo.timers import manifests
from tests.demo.words import clock, span
from tests.harness.product import start_product, wait_until_ready
from tests.harness.watch import Seen, current_version, watch

WORKERS = 2
# Short, so that the timers of a worker that is killed go on within their five seconds.
SETTINGS = {"REDISTIMER_LEASE_SECONDS": "4", "REDISTIMER_REAP_SECONDS": "0.5"}
_MINUTE_MS = 60_000
_TICK_MS = 500


async def show(cluster: Cluster, seconds: int, display: Display) -> bool:
    """Run the demo for so many seconds, or with 0 until a signal; whether all went well."""
    stopping = _stop_on_first_signal()
    say = display.console.print
    say(cluster.where)
    say("Starting one controller and two workers, each under its own ServiceAccount ...")
    processes = start_product(cluster, WORKERS, SETTINGS)
    await _wait_until_ready(processes, display)
    async with AsyncExitStack() as resources:
        settings = load_settings(["--kubeconfig", str(cluster.kubeconfig)], "demo")
        api = await resources.enter_async_context(await ApiServer.connect(settings))
        demo = _Demo(cluster, api, display, processes)
        watching = await demo.begin_watching()
        try:
            applied = await asyncio.to_thread(
                cluster.kubectl, "apply", "-f", "-", input=manifests(cluster.namespace, wall_clock_ms())
            )
            began_ms = wall_clock_ms()
            say(f"Applied to namespace {cluster.namespace}:\n  " + applied.strip().replace("\n", "\n  "))
            say(_about_cron(began_ms, seconds))
            say("Look around from another terminal:\n  " + "\n  ".join(cluster.hints) + "\n", soft_wrap=True)
            with display:
                until_ms = await demo.go_on(began_ms, seconds, stopping, watching)
                await demo.end(until_ms, watching)
        finally:
            await cancel(*watching, *demo.fetching)
    say()
    say(f"From {clock(began_ms)} to {clock(until_ms)} UTC:\n")
    say(summary(demo.story, until_ms))
    return verdict(total_account(demo.story, until_ms))[0]


async def _wait_until_ready(processes: list[Process], display: Display) -> None:
    began = time.monotonic()
    for process in processes:
        if display.console.is_terminal:
            with display.console.status(f"{process.name} ...") as status:
                await wait_until_ready(process, status.update)
        else:
            await wait_until_ready(process, lambda _: None)
        display.console.print(f"  {process.name:<11} pid {process.pid:<7} ready after {time.monotonic() - began:.1f} s")


@dataclass
class _Demo:
    cluster: Cluster
    api: ApiServer
    display: Display
    processes: list[Process]
    story: Story = field(default_factory=Story)
    fetching: set[asyncio.Task[None]] = field(default_factory=set)

    async def begin_watching(self) -> list[asyncio.Task[None]]:
        """Watch timers and Jobs of the namespace, from before there are any."""
        timers = f"{paths.ALL_TIMERS.rpartition('/')[0]}/namespaces/{self.cluster.namespace}/redistimers"
        jobs = paths.jobs(self.cluster.namespace)
        return [
            asyncio.create_task(watch(self.api, timers, await current_version(self.api, timers), self.story.see_timer)),
            asyncio.create_task(watch(self.api, jobs, await current_version(self.api, jobs), self._see_job)),
        ]

    async def go_on(
        self, began_ms: int, seconds: int, stopping: asyncio.Event, watching: list[asyncio.Task[None]]
    ) -> int:
        """Show what happens until time is up or a signal came; when that was."""
        end_ms = began_ms + seconds * 1000 if seconds else None
        while not stopping.is_set():
            now_ms = wall_clock_ms()
            if end_ms is not None and now_ms >= end_ms:
                return end_ms
            left = f"{span(end_ms - now_ms)} left, " if end_ms is not None else ""
            self._tick(f"RedisTimer demo · {clock(now_ms)} UTC · {left}Ctrl-C ends it")
            await _pause(end_ms, stopping, watching)
        return wall_clock_ms()

    async def end(self, until_ms: int, watching: list[asyncio.Task[None]]) -> None:
        """Wait, within bounds, until all that was due has run and its output is here."""
        self.story.until_ms = until_ms
        give_up_ms = wall_clock_ms() + round(self.cluster.patience_s * 1000)
        never = asyncio.Event()
        while (still := self.story.open_until(until_ms)) != (0, 0) and wall_clock_ms() < give_up_ms:
            without, active = still
            self._tick(f"RedisTimer demo · ending: {without} due without a Job, {active} Jobs not finished")
            await _pause(None, never, watching)
        if self.fetching:
            await asyncio.wait(self.fetching, timeout=self.cluster.patience_s)
        self._tick(f"RedisTimer demo · ended at {clock(wall_clock_ms())} UTC")

    def _see_job(self, seen: Seen) -> None:
        job = self.story.see_job(seen)
        if job is None:
            return
        self.display.job(job)
        if job.state in ("succeeded", "failed"):
            task = asyncio.create_task(self._fetch_output(job))
            self.fetching.add(task)
            task.add_done_callback(self.fetching.discard)

    async def _fetch_output(self, job: JobStory) -> None:
        namespace, selector = job.run.namespace, f"batch.kubernetes.io/job-name={job.run.name}"
        try:
            pods = (await self.api.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector))["items"]
        except (ApiError, ApiUnreachableError):
            return
        if pods:
            latest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
            job.output = await asyncio.to_thread(self.cluster.pod_output, namespace, latest["metadata"]["name"])
            self.display.output(job)

    def _tick(self, title: str) -> None:
        views = [ProcessView(process.name, process.pid, process.poll()) for process in self.processes]
        self.display.tick(self.story, views, title, wall_clock_ms())


async def _pause(end_ms: int | None, stopping: asyncio.Event, watching: list[asyncio.Task[None]]) -> None:
    """Until the next tick. Raises what ended a watch."""
    now_ms = wall_clock_ms()
    # All timers of the demo are due on whole seconds: drawing a quarter past and a quarter to them keeps
    # the work of drawing out of the lag that is being measured.
    wait_ms = _TICK_MS - (now_ms - _TICK_MS // 2) % _TICK_MS
    if end_ms is not None:
        wait_ms = min(wait_ms, max(0, end_ms - now_ms))
    stop = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait([stop, *watching], timeout=wait_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
    await cancel(stop)
    for task in done & set(watching):
        task.result()


def _about_cron(now_ms: int, seconds: int) -> str:
    minute_ms = (now_ms // _MINUTE_MS + 1) * _MINUTE_MS
    text = f"cron fires at every full minute: next at {clock(minute_ms)} UTC, in {span(minute_ms - now_ms)}"
    if seconds and minute_ms > now_ms + seconds * 1000:
        return f"{text}, after the end of this demo (60 seconds always have one)."
    return f"{text}."


def _stop_on_first_signal() -> asyncio.Event:
    """An event that the first SIGINT or SIGTERM sets, for an end with a summary; the second ends at once."""
    stopping = asyncio.Event()
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None

    def handle() -> None:
        if stopping.is_set():
            main.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, handle)
    return stopping
