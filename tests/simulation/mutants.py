"""The product with one rule taken away at a time: the simulation has to notice, or it proves nothing.

`make simulate-mutants` prints how many seeds each survives. Each mutant names the rule, and how it is taken away: by
another text in a script, or by something else in the place of a Python function.
"""

from collections.abc import Iterator
from unittest import mock

from controller.core import decision, fence
from controller.core.commit import Commit
from controller.core.job import Run
from controller.core.timer import Timer
from controller.kube import paths
from controller.reconcile import sync as syncing
from controller.reconcile.rebuild import Rebuild
from controller.reconcile.report import StatusReport
from controller.worker import fire, strict
from controller.worker.attempt import Attempt
from controller.worker.leases import Leases
from tests.simulation.api import Client as ApiServerClient
from tests.simulation.rules import Rules

_HELD = {
    "*": ("return redis.call('HGET', lease, ticket) == token", "return true"),
    "ack": ("holders[n] == token", "true"),
    "confirm": ("if holders[n] ~= ARGV[i + 1] then return 'lost' end", ""),
}


def _fence_forgets() -> Iterator[None]:
    """A timer's fence is its creation, whatever status remembers."""

    def creation(timer: Timer, now_ms: int) -> int:
        del now_ms
        return timer.created_ms

    with mock.patch.object(decision, "fence_ms", creation), mock.patch.object(syncing, "fence_ms", creation):
        yield


def _fence_is_now() -> Iterator[None]:
    """An edit that status does not know yet is always one made now."""
    with mock.patch.object(fence, "_edited_ms", return_value=None):
        yield


def _cached_fence_believed() -> Iterator[None]:
    """A status from before an edit, out of a cache, is as good as any."""
    with mock.patch.object(fire, "is_fenced_by_now", return_value=False):
        yield


def _never_confirmed() -> Iterator[None]:
    """A worker does not ask before it acts, and goes by its own clock alone."""

    async def may_act(self: fire.Firing, attempt: object, *reports: object, **options: object) -> bool:
        return True

    with mock.patch.object(fire.Firing, "_may_act", may_act):
        yield


def _always_safe() -> Iterator[None]:
    """A worker trusts its lease for as long as it likes."""
    with mock.patch.object(Leases, "is_safe", return_value=True):
        yield


def _old_reads_believed() -> Iterator[None]:
    """What the watch cache does not have is gone, and what it has is true."""
    original = ApiServerClient.get

    async def get(self: ApiServerClient, path: str, **parameters: str) -> object:
        if "/redistimers/" in path and str(self._process).startswith("worker"):
            parameters["resourceVersion"] = "0"
        return await original(self, path, **parameters)

    with mock.patch.object(ApiServerClient, "get", get):
        yield


def _listed_before_scanned() -> Iterator[None]:
    """A rebuild looks for orphans after it has listed."""
    original = Rebuild._remove

    async def remove(self: Rebuild, tickets: object) -> None:
        present = await self._index.sweep()
        await original(self, [ticket for ticket in present if not self._table.has(ticket)])

    with mock.patch.object(Rebuild, "_remove", remove):
        yield


def _status_before_sync() -> Iterator[None]:
    """A status acknowledges an edit although the index does not know it yet."""
    original = StatusReport._write

    async def write(self: StatusReport, uid: str, entry: object) -> float | None:
        entry.synced_generation = entry.timer.generation  # type: ignore[attr-defined]
        return await original(self, uid, entry)  # type: ignore[arg-type]

    with mock.patch.object(StatusReport, "_write", write):
        yield


def _not_compared() -> Iterator[None]:
    """A commit is written over whatever status there is."""

    async def write(api: ApiServerClient, timer: Timer, status: dict[str, object]) -> bool:
        await api.merge(paths.timer_status(timer.namespace, timer.name), {"metadata": {}, "status": status})
        return True

    with mock.patch.object(strict, "_write", write):
        yield


def _not_committed() -> Iterator[None]:
    """A Job is started by whoever created it, and nobody writes down which."""

    async def commit(api: object, attempt: Attempt, job: Run, *others: object) -> Commit:
        return Commit(job.name, job.uid, occurrence_ms=attempt.occurrence_ms)

    with mock.patch.object(strict, "_commit", commit):
        yield


def _left_unstarted() -> Iterator[None]:
    """What is committed and not started is taken for started."""

    async def found(*which: object) -> None:
        return None

    with mock.patch.object(strict, "run_named", found):
        yield


REQUIRED = (
    "workers do not confirm",
    "no token is checked",
    "no generation is checked, and no lease revoked",
    "the fence forgets handledThrough",
)
"""What the simulation is worth nothing without."""

REDUNDANT = (
    "an acknowledgement of any generation counts",
    "an edit does not revoke the lease",
    "a lost lease leaves the mark as it is",
    "a lease is safe for ever",
)
"""Rules that others cover, as far as anybody has seen: they make the argument simpler, and cost nothing."""

MUTANTS: dict[str, Rules] = {
    "confirm says ok to all": Rules(
        {"confirm": ("fired, timer\nend", "fired, timer\nend\nverdict = function() return 'ok' end")}
    ),
    "workers do not confirm": Rules(patches=_never_confirmed),
    "no token is checked": Rules(_HELD),
    "confirm does not check the token": Rules({"confirm": _HELD["confirm"]}),
    "no generation is checked, and no lease revoked": Rules(
        {
            "confirm": ("if larger(known, generation) ~= generation then return 'edited' end", ""),
            "sync": ("    release(ticket)\n", ""),
        }
    ),
    "an acknowledgement of any generation counts": Rules(
        {"ack": ("local current = larger(generation, wanted) == wanted", "local current = true")}
    ),
    "confirm does not check the mark": Rules(
        {"confirm": ("if larger(mark, occurrence) == mark then return 'handled' end", "")}
    ),
    "the fence forgets handledThrough": Rules(patches=_fence_forgets),
    "any unknown edit counts as made now": Rules(patches=_fence_is_now),
    "claims do not ask whether the index is valid": Rules(
        {"claim": ("if not valid() then return { 'invalid' } end", "")}
    ),
    "a failover does not make the index invalid": Rules(
        {"*": ("== identity()", "and string.match(built, '^(%w+):') == string.match(identity(), '^(%w+):')")}
    ),
    "a rebuild ends on whatever server there is": Rules(
        {"finish": ("redis.call('SET', epoch, ARGV[2]", "redis.call('SET', epoch, identity()")}
    ),
    "a rebuild ends although another one came between": Rules(
        {"finish": ("if redis.call('GET', building) ~= ARGV[1] then return 0 end", "")}
    ),
    "a lost lease leaves the mark as it is": Rules(
        {
            "ack": (
                "mark, fired = larger(mark, done), larger(fired, fires)",
                "if mine then mark, fired = larger(mark, done), larger(fired, fires) end",
            )
        }
    ),
    "an edit does not revoke the lease": Rules({"sync": ("    release(ticket)\n", "")}),
    "tickets are looked through after listing": Rules(patches=_listed_before_scanned),
    "status acknowledges what is not synced": Rules(patches=_status_before_sync),
    "a lease is safe for ever": Rules(patches=_always_safe),
    "what a cached read tells is believed": Rules(patches=_old_reads_believed),
    "an undated edit in an old read counts as made now": Rules(patches=_cached_fence_believed),
    "Strict: a Job is started without a commit": Rules(patches=_not_committed),
    "Strict: a commit does not compare the status": Rules(patches=_not_compared),
    "Strict: nobody starts what is committed": Rules(patches=_left_unstarted),
}
