"""What users do to timers, and the record of when it took effect: between the first request and the last answer."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.chaos.client import AWAY, Admin, Object, jobs, now_ms, timers
from tests.chaos.history import Deletion, History, Removal, Trigger, Version, Window
from tests.chaos.occurrences import due_between, instant_ms
from tests.chaos.plan import Action
from tests.chaos.timers import EDIT, Planned, other_timing

_BEFORE_DUE_MS = 1_500
"""An edit so long before the time finds the timer claimed by a worker, which holds it from three seconds before on."""

_LOOK_AHEAD_MS = 20_000


class Owned:
    """A timer as its user knows it."""

    def __init__(self, planned: Planned) -> None:
        self.planned = planned
        self.lock = asyncio.Lock()
        self.uid = ""
        self.created_ms = 0
        self.edit = 0
        self.spec: dict[str, Any] = planned.spec
        self.requests = 0

    @property
    def path(self) -> str:
        """On the API server."""
        return timers(self.planned.namespace, self.planned.name)


class Users:
    """All users together. What they want they insist on, over an API server that is away."""

    def __init__(self, admin: Admin, history: History, seed: int) -> None:
        self._admin = admin
        self._history = history
        self._seed = seed
        self._one_shots = 0
        self.owned: list[Owned] = []
        self.done: dict[str, int] = {}

    async def create_all(self, planned: list[Planned]) -> None:
        """Create the timers of a plan, some at a time."""
        todo = [Owned(one) for one in planned]
        self.owned += todo

        async def create_some(share: list[Owned]) -> None:
            for one in share:
                await self._create(one)

        await asyncio.gather(*(create_some(todo[first::8]) for first in range(8)))

    async def act(self, action: Action) -> None:
        """Do what the plan says, to one of the timers that users touch."""
        chance = random.Random(f"{self._seed}/{action.at_s}/{action.who}")
        if action.kind == "create one-shot":
            await self._create_one_shot(chance)
        else:
            touched = [one for one in self.owned if one.planned.touched]
            one = touched[action.who % len(touched)]
            async with one.lock:
                if action.amount < 0.6:
                    await self._wait_until_claimed(one)
                await getattr(self, f"_{action.kind.replace(' ', '_')}")(one, chance)
        self.done[action.kind] = self.done.get(action.kind, 0) + 1

    async def _wait_until_claimed(self, one: Owned) -> None:
        after_ms = now_ms() + _BEFORE_DUE_MS
        due_ms = next(due_between(one.spec, one.created_ms, after_ms, after_ms + _LOOK_AHEAD_MS), None)
        if due_ms is not None:
            await asyncio.sleep((due_ms - _BEFORE_DUE_MS - now_ms()) / 1000)

    async def _create_one_shot(self, chance: random.Random) -> None:
        self._one_shots += 1
        spec = (
            {"at": chance.randint(5, 20)} if chance.random() < 0.5 else {"afterCreation": f"{chance.randint(3, 20)}s"}
        )
        container = {"name": "main", "image": "never-pulled"}
        pod = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        template = {"metadata": {"annotations": {EDIT: "0"}}, "spec": {"completions": 0, "template": pod}}
        if chance.random() < 0.5:
            template["spec"]["ttlSecondsAfterFinished"] = 0
        one = Owned(Planned("chaos-a", f"once-{self._one_shots:03}", spec | {"jobTemplate": template}, False))
        self.owned.append(one)
        await self._create(one)

    async def _create(self, one: Owned) -> None:
        planned = one.planned
        spec = _at_resolved(planned.spec)
        body: Object = {
            "apiVersion": "redistimer.dev/v1alpha1",
            "kind": "RedisTimer",
            "metadata": {"name": planned.name, "namespace": planned.namespace},
            "spec": spec,
        }
        from_ms = now_ms()
        status, obj = await self._admin.insist("POST", timers(planned.namespace), body)
        if status == 409:  # an earlier try went through, and its answer was lost
            status, obj = await self._admin.insist("GET", one.path)
        assert status in (200, 201), f"{planned.name}: {status} {obj.get('message')}"
        one.uid, one.created_ms, one.edit = obj["metadata"]["uid"], instant_ms(obj["metadata"]["creationTimestamp"]), 0
        self._applied(one, obj, from_ms)

    def _applied(self, one: Owned, obj: Object, from_ms: int) -> None:
        one.spec = obj["spec"]
        version = Version(
            uid=one.uid,
            name=f"{one.planned.namespace}/{one.planned.name}",
            generation=obj["metadata"]["generation"],
            edit=one.edit,
            created_ms=one.created_ms,
            spec=obj["spec"],
            applied=Window(from_ms, now_ms()),
        )
        self._history.versions.append(version)

    async def _change(self, one: Owned, fields: Mapping[str, Any], template: Mapping[str, Any] | None = None) -> None:
        """An edit. Each has a number, in the template: from it anybody can tell that it took effect, and its Jobs."""
        one.edit += 1
        changed = {"metadata": {"annotations": {EDIT: str(one.edit)}}, **(template or {})}
        patch = {"metadata": {"uid": one.uid}, "spec": {**_at_resolved(fields), "jobTemplate": changed}}
        from_ms = now_ms()
        status, obj = await self._admin.insist("PATCH", one.path, patch)
        assert status == 200, f"{one.path}: {status} {obj.get('message')}"
        self._applied(one, obj, from_ms)

    async def _edit_timing(self, one: Owned, chance: random.Random) -> None:
        await self._change(one, other_timing(chance, one.spec))

    async def _edit_template(self, one: Owned, chance: random.Random) -> None:
        await self._change(one, {})

    async def _suspend(self, one: Owned, chance: random.Random) -> None:
        await self._change(one, {"suspend": True})

    async def _resume(self, one: Owned, chance: random.Random) -> None:
        await self._change(one, {"suspend": False})

    async def _run_by_hand(self, one: Owned, chance: random.Random) -> None:
        one.requests += 1
        request = f"{one.planned.name}-{one.requests}"
        patch = {"metadata": {"uid": one.uid, "annotations": {"redistimer.dev/trigger": request}}}
        from_ms = now_ms()
        status, obj = await self._admin.insist("PATCH", one.path, patch)
        assert status == 200, f"{one.path}: {status} {obj.get('message')}"
        self._history.triggers.append(Trigger(one.uid, request, Window(from_ms, now_ms())))

    async def _delete_and_recreate(self, one: Owned, chance: random.Random) -> None:
        options: Object = {"preconditions": {"uid": one.uid}}
        from_ms = now_ms()
        status, obj = await self._admin.insist("DELETE", one.path, options)
        assert status in (200, 404), f"{one.path}: {status} {obj.get('message')}"
        self._history.deletions.append(Deletion(one.uid, Window(from_ms, now_ms())))
        await asyncio.sleep(chance.choice((0, 0, 0.5, 3)))
        await self._create(one)

    async def _delete_jobs(self, one: Owned, chance: random.Random) -> None:
        selector = f"redistimer.dev/timer={one.planned.name}"
        try:
            _, listed = await self._admin.ask("GET", jobs(one.planned.namespace), labelSelector=selector)
            for job in listed.get("items", ()):
                await self._delete_job(one.planned.namespace, job["metadata"]["name"])
        except AWAY:
            pass  # this one is no promise to anybody

    async def _delete_job(self, namespace: str, name: str) -> None:
        from_ms = now_ms()
        try:
            await self._admin.ask("DELETE", jobs(namespace, name))
        finally:
            self._history.removals.append(Removal(f"{namespace}/{name}", Window(from_ms, now_ms())))


def _at_resolved(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A plan has `at` as seconds from when it is applied."""
    if not isinstance(spec.get("at"), int):
        return dict(spec)
    at = datetime.fromtimestamp(now_ms() // 1000 + spec["at"], UTC)
    return {**spec, "at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
