"""What somebody writes who means no good, to the API server or to Redis: the others fire on, and nothing crashes."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from controller.core.identity import job_name, ticket_of
from tests.integration.occurrences import assert_once_and_not_before, assert_steady
from tests.integration.product import Product
from tests.integration.together import side_by_side
from tests.integration.waiting import now_ms, wait_until
from tests.integration.world import KEYS, NO_PODS, Timer, World

YEAR_MS = 365 * 24 * 3_600_000


def write_status(world: World, timer: Timer, **status: Any) -> None:
    """Write fields of status, as whoever has the right to can."""
    patch = json.dumps({"status": status})
    world.cluster.stack.kubectl(
        "patch", "redistimer", timer.name, "-n", timer.namespace, "--subresource=status", "--type=merge", "-p", patch
    )


def forge_job(world: World, timer: Timer, occurrence_ms: int, **metadata: Any) -> None:
    """Create a Job that passes for the one of an occurrence."""
    owner = {"apiVersion": "redistimer.dev/v1alpha1", "kind": "RedisTimer", "name": timer.name, "uid": timer.uid}
    labels = {"redistimer.dev/timer-uid": timer.uid}
    name = job_name(timer.name, timer.uid, occurrence_ms)
    forged = {"name": name, "labels": labels, "ownerReferences": [owner | {"controller": True}]} | metadata
    world.add("Job", "batch/v1", {"metadata": forged} | NO_PODS)


@pytest.fixture
def nested_timers(world: World) -> Iterator[Callable[[int], str]]:
    """Makes timers with a field in their template that no Job has, nested so deep; says their UIDs."""
    kubectl, path = (
        world.cluster.stack.kubectl,
        f"/apis/redistimer.dev/v1alpha1/namespaces/{world.namespace}/redistimers",
    )

    def create(levels: int) -> str:
        pod = {"restartPolicy": "Never", "unknown": "here", "containers": [{"name": "a", "image": "b"}]}
        spec = {"every": "1s", "jobTemplate": {"spec": {"parallelism": 0, "template": {"spec": pod}}}}
        metadata = {"name": f"nested-{levels}"}
        manifest = {"apiVersion": "redistimer.dev/v1alpha1", "kind": "RedisTimer", "metadata": metadata, "spec": spec}
        text = json.dumps(manifest).replace('"here"', '{"a":' * levels + "1" + "}" * levels)
        kubectl("create", "--raw", path, "-f", "-", input=text)
        where = ("get", "redistimer", metadata["name"], "-n", world.namespace)
        return kubectl(*where, "-o", "jsonpath={.metadata.uid}").stdout

    yield create
    # The administrator's client here could not read the answer.
    kubectl("delete", "redistimers", "--all", "-n", world.namespace)


@side_by_side
def test_templates_of_any_size_and_script_fire_like_all_others(world: World) -> None:
    healthy = world.create("healthy", every="1s")
    many = {f"label-{number}": "x" for number in range(10_000)}
    odd = {
        "a/emoji": "💣🦊",
        "a/rtl": "\u202eesrever",
        "a/nul": "a\u0000b",
        "a/lines": "a\r\n\tb",
        "a/quotes": "'\"`$(id)",
    }
    large = world.create("large", NO_PODS | {"metadata": {"annotations": {"a/large": "x" * 100_000}}}, every="2s")
    labelled = world.create("labelled", NO_PODS | {"metadata": {"labels": many}}, every="5s")
    script = world.create("script", NO_PODS | {"metadata": {"annotations": odd}}, every="2s", annotations=odd)
    healthy.wait_for_beats(8)
    for timer in (large, labelled, script):
        timer.wait_for_runs(1)
        assert_once_and_not_before(timer)
        timer.wait_for_condition("Ready", "True", "Scheduled")
    made = script.jobs()[0]["metadata"]["annotations"]
    assert {key: made[key] for key in odd} == odd
    assert len(labelled.jobs()[0]["metadata"]["labels"]) >= 10_000
    assert_steady(healthy, 1)


def test_a_template_that_is_nested_without_end_fires_like_all_others_and_delays_none(
    product: Product, world: World, nested_timers: Callable[[int], str]
) -> None:
    """The API server keeps what it does not know of a template, however deep; parsers end long before."""
    before = [member.process.pid for member in (*product.controllers, *product.workers)]
    healthy = world.create("healthy", every="1s")
    healthy.wait_for_runs(1)
    nested = [nested_timers(levels) for levels in (150, 600, 3_000)]
    for uid in nested:
        wait_until(lambda uid=uid: world.cluster.recorder.fired(uid), bool, "it fires")  # type: ignore[misc]
    # Whoever rebuilds lists all of them.
    world.cluster.redis.delete(KEYS.epoch)
    world.create("later", every="1s").wait_for_beats(2)
    told_ms = now_ms()
    for uid in nested:
        wait_until(
            lambda uid=uid: [one for one in world.cluster.recorder.fired(uid) if one.nominal_ms > told_ms],  # type: ignore[misc]
            bool,
            "it fires on",
        )
    valid = "{range .items[*]}{.status.conditions[?(@.type=='TemplateValid')].message}{'\\n'}{end}"
    told = wait_until(
        lambda: world.cluster.stack.kubectl("get", "redistimers", "-n", world.namespace, "-o", f"jsonpath={valid}"),
        lambda seen: len(list(filter(None, seen.stdout.splitlines()))) == 5,
        "all templates are checked",
    )
    assert told.stdout.count('unknown field "spec.template.spec.unknown"') == 3
    assert_steady(healthy, 1)
    assert [member.process.pid for member in (*product.controllers, *product.workers)] == before
    assert all(member.alive for member in (*product.controllers, *product.workers))


@side_by_side
def test_a_status_that_somebody_else_has_written_is_his_timers_alone(world: World) -> None:
    healthy = world.create("healthy", every="1s")
    victims = [world.create(f"victim-{number}", every="1s") for number in range(4)]
    for victim in victims:
        victim.wait_for_runs(1)
    far = "9999-12-31T23:59:59Z"
    foreign = {"type": "TemplateValid", "status": "False", "reason": "ByHand", "message": "💣" * 1000}
    foreign |= {"observedGeneration": 1, "lastTransitionTime": "0001-01-01T00:00:00Z"}
    write_status(world, victims[0], conditions=[foreign])
    write_status(world, victims[1], runs={"succeeded": 2**63 - 1, "missed": 2**63 - 1}, consecutiveFailures=2**31 - 1)
    write_status(world, victims[2], observedGeneration=-5, timingHash="", lastMissedTime=far, active=None)
    # Go's calendar has a year 0, and its pattern of dates has room for more.
    write_status(world, victims[3], handledThrough="0000-01-01T00:00:00Z", lastScheduleTime="0000-01-01T00:00:00Z")
    healthy.wait_for_beats(6)
    for victim in victims[:2]:
        victim.wait_for_beats(2)
        assert_once_and_not_before(victim)
        victim.wait_for_condition("Ready", "True", "Scheduled")
    write_status(world, victims[3], handledThrough=None, lastScheduleTime=None)
    victims[3].wait_for_beats(2)
    for victim in victims:
        assert_once_and_not_before(victim)
    assert_steady(healthy, 1)


@side_by_side
def test_jobs_that_somebody_else_has_made_silence_no_timer(world: World) -> None:
    timer = world.create("timer", every="1s")
    timer.wait_for_runs(1)
    forge_job(world, timer, timer.created_ms + YEAR_MS)
    forge_job(world, timer, timer.created_ms + 8_000 * YEAR_MS, labels={})
    forge_job(world, timer, timer.created_ms + YEAR_MS + 1_000, ownerReferences=[])
    timer.wait_for_beats(4)
    nominal = [nominal_ms for nominal_ms in timer.nominal() if nominal_ms < now_ms()]
    assert len(set(nominal)) == len(nominal)
    assert timer.status()["lastScheduleTime"] < "2999"


def test_what_somebody_writes_to_redis_delays_no_other_and_is_gone_after_a_rebuild(
    product: Product, world: World
) -> None:
    redis, before = world.cluster.redis, [member.process.pid for member in (*product.controllers, *product.workers)]
    steady, victim = world.create("steady", every="1s"), world.create("victim", every="1s")
    steady.wait_for_runs(1)
    victim.wait_for_runs(1)
    strangers = [ticket_of(f"00000000-0000-4000-8000-{number:012d}") for number in range(20)]
    with redis.pipeline() as pipe:
        pipe.zadd(KEYS.due, {f"junk-{number}": "-inf" for number in range(5_000)} | {b"\xff\xfe": 1, "": 1e308})
        pipe.zadd(KEYS.due, dict.fromkeys(strangers, 0.5))
        pipe.hset(KEYS.tickets, mapping=dict.fromkeys(strangers, "1 1 0 kube-system/nothing"))
        pipe.hset(KEYS.tickets, mapping={f"junk-{number}": "x" * 50 for number in range(5_000)})
        pipe.hset(KEYS.lease, mapping={f"junk-{number}": "x" for number in range(1_000)})
        pipe.zadd(KEYS.leased, {f"junk-{number}": "inf" for number in range(1_000)})
        pipe.delete(KEYS.outcomes)
        pipe.set(KEYS.outcomes, "no stream")
        # A mark of next year, and a time to look at then.
        pipe.hset(KEYS.tickets, victim.ticket, f"1 {now_ms() + YEAR_MS} 0 {world.namespace}/victim")
        pipe.zrem(KEYS.leased, victim.ticket)
        pipe.hdel(KEYS.lease, victim.ticket)
        pipe.zadd(KEYS.due, {victim.ticket: now_ms() + YEAR_MS})
        pipe.execute()
    forged_ms = now_ms()
    steady.wait_for_beats(5)
    wait_until(lambda: redis.type(KEYS.outcomes), lambda kind: kind in ("stream", "none"), "the stream is mended")
    redis.delete(KEYS.epoch)
    wait_until(victim.nominal, lambda seen: sum(one > forged_ms for one in seen) >= 2, "the victim fires again")
    assert_steady(steady, 1)
    assert_once_and_not_before(victim)
    for key, members in (
        (KEYS.due, redis.zrange(KEYS.due, 0, -1)),
        (KEYS.leased, redis.zrange(KEYS.leased, 0, -1)),
        (KEYS.lease, redis.hkeys(KEYS.lease)),
        (KEYS.tickets, redis.hkeys(KEYS.tickets)),
    ):
        junk = [member for member in members if member != "!" and len(member) not in (22, 31)]
        assert not junk, f"{key} holds {junk[:3]}"
        assert not set(strangers) & set(members), key
    assert product.controllers[0].metric("redistimer_index_junk_total") > 0
    assert [member.process.pid for member in (*product.controllers, *product.workers)] == before
    assert all(member.alive for member in (*product.controllers, *product.workers))
