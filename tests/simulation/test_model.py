"""The models of the API server and of Redis, where they could be wrong without anybody noticing."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from controller.core.fence import fence_ms
from controller.core.timer import parse_timer
from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Fire
from controller.kube.errors import ApiError
from tests.redis.fake_server import IdentifiedServer, fake_client
from tests.redis.tickets import A, B, a_report, again, done, wanted
from tests.simulation import lua
from tests.simulation.cluster import JOBS, TIMERS, Cluster, timer_manifest
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.redis import Service
from tests.simulation.redis_client import VERBS

KEY = ("default", "nightly")
NOW_MS = 1_900_000_000_000


class Clock:
    def __init__(self) -> None:
        self.ms = 1_900_000_000_500

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(clock: Clock) -> Cluster:
    cluster = Cluster(clock)
    cluster.create(TIMERS, timer_manifest(*KEY, {"every": "5s"}))
    return cluster


def test_only_an_edit_of_the_spec_is_another_generation(cluster: Cluster) -> None:
    cluster.merge_status(TIMERS, KEY, {"status": {"observedGeneration": 1}}, "redistimer")
    cluster.mark(TIMERS, KEY, annotations={"a": "b"})
    assert cluster.get(TIMERS, KEY)["metadata"]["generation"] == 1
    cluster.edit(TIMERS, KEY, {"every": "6s"})
    assert cluster.get(TIMERS, KEY)["metadata"]["generation"] == 2


def test_a_write_on_an_older_version_is_a_conflict_and_one_that_changes_nothing_makes_no_version(
    cluster: Cluster,
) -> None:
    before = cluster.get(TIMERS, KEY)["metadata"]["resourceVersion"]
    patch: dict[str, Any] = {"metadata": {"resourceVersion": before}, "status": {"observedGeneration": 1}}
    after = cluster.merge_status(TIMERS, KEY, patch, "redistimer")
    with pytest.raises(ApiError) as refused:
        cluster.merge_status(TIMERS, KEY, patch, "redistimer")
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    patch["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"]
    assert cluster.merge_status(TIMERS, KEY, patch, "redistimer") is after


def test_the_same_name_twice_and_another_uid_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ApiError) as refused:
        cluster.create(TIMERS, timer_manifest(*KEY, {}))
    assert (refused.value.status, refused.value.reason) == (409, "AlreadyExists")
    with pytest.raises(ApiError) as refused:
        cluster.delete(TIMERS, KEY, {"uid": "another"})
    assert refused.value.status == 409


def test_a_cache_shows_what_was_true_before(cluster: Cluster, clock: Clock) -> None:
    clock.ms += 1000
    cluster.edit(TIMERS, KEY, {"every": "6s"})
    clock.ms += 1000
    cluster.delete(TIMERS, KEY)
    assert cluster.get_cached(TIMERS, KEY, 1500)["spec"] == {"every": "5s"}
    assert cluster.get_cached(TIMERS, KEY, 500)["spec"] == {"every": "6s"}
    for age_ms in (0, 5000):
        with pytest.raises(ApiError, match="not found"):
            cluster.get_cached(TIMERS, KEY, age_ms)


@pytest.mark.parametrize("leaves_a_trace", [True, False])
def test_managed_fields_date_an_edit_as_the_fence_expects(cluster: Cluster, clock: Clock, leaves_a_trace: bool) -> None:
    spec_hash = parse_timer(cluster.get(TIMERS, KEY)).timing_hash
    clock.ms += 2000
    status = {"observedGeneration": 1, "timingHash": spec_hash, "handledThrough": "2030-03-17T17:46:40Z"}
    cluster.merge_status(TIMERS, KEY, {"status": status}, "redistimer")
    clock.ms += 3000
    edited_s = clock.ms // 1000 * 1000
    cluster.edit(TIMERS, KEY, {"every": "6s"}, leaves_a_trace)
    now_ms = clock.ms + 10_000
    assert fence_ms(parse_timer(cluster.get(TIMERS, KEY)), now_ms) == (edited_s if leaves_a_trace else now_ms)


def test_a_start_of_another_job_is_refused_as_an_api_server_does(cluster: Cluster) -> None:
    cluster.create(JOBS, {"metadata": {"namespace": "default", "name": "a"}, "spec": {"suspend": True}})
    with pytest.raises(ApiError, match=r"metadata\.uid") as refused:
        cluster.merge(JOBS, ("default", "a"), {"metadata": {"uid": "b"}, "spec": {"suspend": False}})
    assert refused.value.status == 422


@pytest.fixture
def service(clock: Clock) -> Iterator[Service]:
    async def make(loop: SimulatedLoop) -> Service:
        return Service(clock)

    loop = SimulatedLoop(lambda: 0.0)
    return loop.run(make(loop), Process("world"))


class Direct:
    """A client without a network, that notes which scripts it was asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.asked: set[str] = set()

    def register_script(self, text: str) -> Any:
        async def run(keys: Sequence[str], args: Sequence[str | int]) -> Any:
            self.asked.add(VERBS[text])
            return self._service.run(self._service.primary, text, keys, args)

        return run


async def _story(index: Index) -> list[Any]:
    """Something of everything, and what was answered."""
    identity = await index.begin_rebuild("nonce")
    told: list[Any] = [await index.inspect()]
    for _ in range(2):
        for generation, next_ms in ((1, 1), (2, 2)):
            await index.sync([wanted(A, next_ms, generation=generation), wanted(B, None, generation=generation)])
            told.append(await index.finish_rebuild("nonce", identity))
            with suppress(IndexInvalidError):
                (lease,) = (await index.claim(f"token-{len(told)}", 10, 3000, 10_000)).leases
                fire = Fire(lease, generation, NOW_MS + len(told), noted_ms=5)
                told += [lease, await index.confirm([fire, replace(fire, lease=replace(lease, token="other"))])]
                told += [await index.renew([lease], 20_000), await index.sweep(), await index.inspect()]
                if generation == 1:
                    told.append(await index.retry([again(lease, 7, mark_ms=6, reports=(a_report(),))]))
                else:
                    told.append(await index.ack([done(lease, 9, mark_ms=NOW_MS, fired_ms=NOW_MS)]))
                told += [await index.drop([lease]), await index.reap(10, 100_000)]
                told += [report for _, report in await index.outcomes("0", 10)]
        identity = await index.begin_rebuild("nonce")
    await index.remove([A])
    return [*told, await index.sweep(), await index.inspect()]


async def test_scripts_answer_as_they_do_on_the_whole_of_fakeredis() -> None:
    whole = IdentifiedServer()
    whole.clock_ms = NOW_MS
    client = fake_client(whole)
    service = Service(lambda: NOW_MS)
    node = service.primary
    node.run_id, node.replication_id = whole.run_id, whole.replication_id
    direct = Direct(service)
    quick, slow = Index(direct, "test"), Index(client, "test")  # type: ignore[arg-type]
    assert await _story(quick) == await _story(slow)
    assert direct.asked == set(VERBS.values()), "the story lacks a script"
    keys = quick.keys
    for key in (keys.due, keys.leased):
        assert node.scores(key) == dict(await client.zrange(key, 0, -1, withscores=True))
    for key in (keys.lease, keys.tickets):
        assert node.hash(key) == await client.hgetall(key)
    await client.aclose()


def test_a_restart_a_restore_and_a_failover_leave_what_they_should(service: Service) -> None:
    service.command(service.primary, "set", "key", "old")
    service.remember()
    service.command(service.primary, "set", "key", "new")
    first, run_id = service.primary, service.primary.run_id
    service.fail_over(age=1)
    assert service.primary is not first
    assert service.command(service.primary, "get", "key") == b"old"
    assert service.command(first, "get", "key") == b"new"
    service.fail_over(age=0)
    assert service.primary is first
    assert (first.run_id, service.command(first, "get", "key")) == (run_id, b"old")
    service.restore(age=0)
    assert first.run_id != run_id
    assert service.command(first, "get", "key") == b"old"
    service.wipe()
    assert service.command(first, "get", "key") is None


def test_a_stray_goes_on_with_the_old_server_until_it_is_the_others_replica(service: Service) -> None:
    stray, other = Process("stray"), Process("other")
    old = service.fail_over(age=0, strays=[stray])
    assert service.of(stray) is old
    assert service.of(other) is service.primary
    service.command(service.primary, "set", "key", "value")
    service.end_of_strays()
    assert service.of(stray) is service.primary
    assert service.command(old, "get", "key") == b"value"
    assert old.replication_id == service.primary.replication_id


def test_an_error_of_redis_is_one_for_the_client_too(service: Service) -> None:
    service.command(service.primary, "set", "due", "no sorted set")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        service.command(service.primary, "zadd", "due", 1, "x")


def test_a_script_that_sets_a_global_variable_is_found_out(service: Service) -> None:
    interpreter = lua.Interpreter()
    interpreter.run(service.primary.socket, "leak = 1 return 1", ("due",), [])
    with pytest.raises(AssertionError, match="global variable"):
        interpreter.check()
