"""Keys in whose place somebody else has put something: noticed, mended, and meanwhile in nobody's way."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from controller.index.index import Index, IndexInvalidError
from tests.redis.tickets import A, B, a_report, claim, claim_one, done, mark_ms, wanted

OURS = {
    "due": "zset",
    "leased": "zset",
    "lease": "hash",
    "tickets": "hash",
    "epoch": "string",
    "building": "string",
    "outcomes": "stream",
    "owner": "string",
}
DATA = ("due", "leased", "lease", "tickets", "epoch")
KINDS = ("string", "list", "set", "hash", "zset", "stream")
FOREIGN = [(name, kind) for name, ours in OURS.items() for kind in KINDS if kind != ours]


async def replace(redis: Redis, key: str, kind: str) -> None:
    """Put something of this type in the place of a key."""
    await redis.delete(key)
    match kind:
        case "string":
            await redis.set(key, b"\xff\xfe binary \x00")
        case "list":
            await redis.rpush(key, "!", "a")
        case "set":
            await redis.sadd(key, "!", "a")
        case "hash":
            await redis.hset(key, "!", "a")
        case "zset":
            await redis.zadd(key, {"!": 1, "a": 2})
        case "stream":
            await redis.xadd(key, {"!": "a"})


async def rebuild(index: Index) -> None:
    """All that a rebuild does to the index, of two timers."""
    assert await index.claim_ownership("this-cluster") == "this-cluster"
    identity = await index.begin_rebuild("nonce")
    await index.sweep()
    await index.sync([wanted(A, 1), wanted(B, 2)])
    assert await index.finish_rebuild("nonce", identity)


async def assert_works(index: Index) -> None:
    """Both timers are claimed, acknowledged and reported about."""
    leases = await claim(index)
    assert [lease.ticket for lease in leases] == [A, B]
    assert await index.ack([done(leases[0], None, reports=(a_report(),)), done(leases[1], None)]) == [True, True]
    assert [report for _, report in await index.outcomes("0", 10)][-1] == a_report()


@pytest.mark.parametrize(("name", "kind"), FOREIGN)
async def test_a_key_of_a_foreign_type_is_mended_by_a_rebuild(
    index: Index, name: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    junk: list[int] = []
    index.on_junk = junk.append
    key = getattr(index.keys, name)
    await replace(index.redis, key, kind)
    if name not in ("building", "owner"):
        assert not (await index.inspect()).valid, "the controller learns of it"
    await rebuild(index)
    assert await index.redis.type(key) in (OURS[name], "none")
    if name not in ("building", "epoch"):
        assert junk == [1], "those two are written anew by every rebuild"
        assert [(record.levelname, vars(record)["where"]) for record in caplog.records] == [("WARNING", key)]
    await assert_works(index)
    assert (await index.inspect()).valid


@pytest.mark.parametrize(("name", "kind"), [one for one in FOREIGN if one[0] in DATA])
async def test_an_index_with_a_key_of_a_foreign_type_is_invalid_and_no_more(index: Index, name: str, kind: str) -> None:
    await index.sync([wanted(A, 1)])
    await replace(index.redis, getattr(index.keys, name), kind)
    with pytest.raises(IndexInvalidError):
        await claim(index)
    with pytest.raises(IndexInvalidError):
        await index.reap(10, 1000)
    state = await index.inspect()
    assert not state.valid


async def test_the_marks_survive_what_befalls_other_keys(index: Index) -> None:
    lease = await claim_one(index)
    await index.ack([done(lease, None, mark_ms=lease.mark_ms + 5)])
    await replace(index.redis, index.keys.due, "string")
    await rebuild(index)
    assert await mark_ms(index) == lease.mark_ms + 5


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "stream"])
async def test_an_acknowledgement_does_not_wait_for_a_stream_of_a_foreign_type(index: Index, kind: str) -> None:
    await replace(index.redis, index.keys.outcomes, kind)
    await index.sync([wanted(A, 1), wanted(B, 2)])
    await assert_works(index)


async def test_an_acknowledgement_does_not_wait_for_a_stream_that_has_no_id_left(index: Index) -> None:
    last = f"{2**64 - 1}-{2**64 - 1}"
    await index.redis.xadd(index.keys.outcomes, {"report": "junk"}, id=last)
    assert await index.outcomes("0", 10) == [(last, None)]
    assert await index.outcomes(last, 10) != [], "after the last of all ids the stream begins again"
    await index.sync([wanted(A, 1), wanted(B, 2)])
    await assert_works(index)
    assert [report for _, report in await index.outcomes(last, 10)] == [a_report()]


async def test_a_sentinel_with_a_time_is_put_back_in_its_place(index: Index) -> None:
    redis, keys = index.redis, index.keys
    await redis.zadd(keys.due, {"!": 0})
    await redis.zadd(keys.leased, {"!": "-inf"})
    await index.sync([wanted(A, 1)])
    assert [lease.ticket for lease in await claim(index, limit=1)] == [A]
    assert await index.reap(10, 1000) == 0 or await redis.zscore(keys.leased, A) is None
    assert (await index.inspect()).valid
    assert await redis.zscore(keys.due, "!") == await redis.zscore(keys.leased, "!") == float("inf")


async def test_an_owner_of_any_length_is_somebody_else_and_costs_no_memory(index: Index) -> None:
    await index.redis.set(index.keys.owner, "x" * 1_000_000)
    assert len(await index.claim_ownership("this-cluster")) < 100


async def test_what_is_wrong_with_a_stream_is_an_error_of_redis(index: Index) -> None:
    await replace(index.redis, index.keys.outcomes, "list")
    with pytest.raises(RedisError):
        await index.outcomes("0", 10)
    with pytest.raises(RedisError):
        await index.delete_outcomes(["1-1"])
