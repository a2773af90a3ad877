"""The scripts themselves: how they are found again, and which keys they touch."""

import re

import pytest
from redis.exceptions import ResponseError

from controller.index.index import Index
from controller.index.keys import keys_of
from controller.index.messages import Fire
from tests.cluster.redis_server import RedisServer
from tests.redis.conftest import INSTALLATION
from tests.redis.servers import Real
from tests.redis.tickets import HOUR_MS, A, B, C, a_report, again, claim, claim_one, done, due_ms, wanted


async def test_the_scripts_are_loaded_again_when_the_server_forgot_them(index: Index) -> None:
    await claim_one(index)
    await index.redis.script_flush()
    await index.sync([wanted(B, 1)])
    assert [lease.ticket for lease in await claim(index)] == [B]


def test_all_keys_of_an_installation_share_one_hash_tag_and_differ() -> None:
    keys = keys_of("shop")
    assert {re.fullmatch(r"\{(.+)\}:\w+", key)[1] for key in keys} == {"rt2:shop:0"}
    assert len(set(keys)) == len(keys)


def test_installations_and_shards_share_no_key() -> None:
    assert not set(keys_of("one")) & set(keys_of("two"))
    assert not set(keys_of("one", 0)) & set(keys_of("one", 1))


async def test_two_installations_on_one_server_do_not_meet(index: Index) -> None:
    other = Index(index.redis, "other")
    identity = await other.begin_rebuild("nonce")
    assert await other.finish_rebuild("nonce", identity)
    await index.sync([wanted(A, 1)])
    assert await claim(other) == []
    await other.remove([A])
    assert await due_ms(index) == 1


async def use_every_verb(index: Index) -> None:
    """One call of every script, with something to do for each."""
    identity = await index.begin_rebuild("nonce")
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, 3)])
    assert await index.finish_rebuild("nonce", identity)
    a, b, c = await claim(index, lease_ms=2 * HOUR_MS)
    assert await index.confirm([Fire(a, 1, HOUR_MS)]) == ["ok"]
    assert await index.renew([a], HOUR_MS) == [True]
    assert await index.ack([done(a, 5, reports=(a_report(),))]) == [True]
    assert await index.retry([again(b, 5, reports=(a_report(),))]) == [True]
    assert await index.reap(10, HOUR_MS) == 1
    assert await index.drop([c]) == [False]
    (lease,) = await claim(index, limit=1)
    assert await index.drop([lease]) == [True]
    await index.remove([B, C])
    assert (await index.inspect()).valid


async def test_every_verb_works_on_an_index_that_was_never_built(unbuilt: Index) -> None:
    await use_every_verb(unbuilt)


async def test_the_scripts_touch_no_key_but_those_they_declare(redis_server: RedisServer) -> None:
    admin, user = Real(redis_server).redis, Real(redis_server).redis
    await admin.flushall()
    keys = keys_of(INSTALLATION)
    rules = [*(f"~{key}" for key in keys[:7]), "resetchannels", f"&{keys.due}"]
    await admin.execute_command("ACL", "SETUSER", "scripts", "reset", "on", ">secret", "+@all", *rules)
    try:
        await user.execute_command("AUTH", "scripts", "secret")
        with pytest.raises(ResponseError, match=r"(?i)permission|can't access"):
            await user.eval("return redis.call('GET', 'another')", 0)
        await use_every_verb(Index(user, INSTALLATION))
    finally:
        await admin.execute_command("ACL", "DELUSER", "scripts")
        await admin.aclose()
        await user.aclose()
