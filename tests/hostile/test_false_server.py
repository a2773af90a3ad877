"""Something that answers in the place of Redis: whatever it says is an error of Redis, or nothing."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import InvalidResponse, RedisError

from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Again, Claim, Done, Fire, Lease
from tests.redis.tickets import MARK_MS, A, B

LEASE = Lease(A, "token", 1, MARK_MS, "default", "nightly")


class FalseRedis:
    """A client whose every script is answered with what `reply` says."""

    def __init__(self) -> None:
        self.reply: Any = None

    def register_script(self, _: str) -> Callable[..., Awaitable[Any]]:
        async def script(**_: Any) -> Any:
            return self.reply

        return script


def index_of(reply: object) -> Index:
    redis: Any = FalseRedis()
    redis.reply = reply
    return Index(redis, "test")


VERBS: dict[str, Callable[[Index], Awaitable[object]]] = {
    "claim": lambda index: index.claim("token", 10, 0, 1000),
    "confirm": lambda index: index.confirm([Fire(LEASE, 1, MARK_MS + 1)]),
    "ack": lambda index: index.ack([Done(LEASE, 1, MARK_MS, None)]),
    "retry": lambda index: index.retry([Again(LEASE, MARK_MS, 5)]),
    "drop": lambda index: index.drop([LEASE]),
    "renew": lambda index: index.renew([LEASE], 1000),
    "reap": lambda index: index.reap(10, 1000),
    "begin": lambda index: index.begin_rebuild("nonce"),
    "sweep": lambda index: index.sweep(),
    "finish": lambda index: index.finish_rebuild("nonce", "identity"),
    "outcomes": lambda index: index.outcomes("0", 10),
    "inspect": lambda index: index.inspect(),
}

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.floats() | st.sampled_from(["ok", A])
REPLIES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=7), max_leaves=20)
ROWS = st.lists(
    st.tuples(
        st.sampled_from([A, B, "", "x", "../x"]) | SCALARS,
        st.integers(-(2**70), 2**70) | SCALARS,
        st.integers(-(2**70), 2**70) | SCALARS,
        st.integers(-(2**70), 2**70) | SCALARS,
        st.sampled_from(["default/nightly", "a/..", "a/b/c", "/", "a/b?c"]) | SCALARS,
    ).map(list)
    | REPLIES,
    max_size=4,
)


@pytest.mark.parametrize("verb", VERBS)
@settings(max_examples=150, deadline=None)
@given(reply=REPLIES)
async def test_no_answer_makes_a_verb_raise_anything_but_an_error_of_redis(verb: str, reply: object) -> None:
    # Of a sweep it would be asked for the next page.
    last_page = isinstance(reply, list) and verb == "sweep"
    with suppress(RedisError, IndexInvalidError):
        await VERBS[verb](index_of(["0", 0, reply] if last_page else reply))


@settings(max_examples=300, deadline=None)
@given(next_due=SCALARS, removed=SCALARS, rows=ROWS)
async def test_every_lease_of_whatever_claim_can_be_worked_with(
    next_due: object, removed: object, rows: list[Any]
) -> None:
    with suppress(InvalidResponse):
        claim = await index_of(["ok", 1, next_due, removed, *rows]).claim("token", 10, 0, 1000)
        assert isinstance(claim, Claim)
        for lease in claim.leases:
            assert lease.ticket in (A, B)
            assert (lease.namespace, lease.name) == ("default", "nightly")
            assert lease.generation >= 0
            assert 0 <= lease.mark_ms < 2**48
            assert 0 <= lease.fired_ms < 2**48


async def test_a_row_that_makes_no_sense_is_dropped_and_told_of_and_the_others_count() -> None:
    junk: list[int] = []
    rows = [
        [A, 1, MARK_MS, 0, "default/nightly"],
        [A, 1, 2**63, 0, "default/nightly"],
        ["x"],
        [A, 1, 5, 0, "a/.."],
        [B, 2, 0, 7, "a/b.c"],
    ]
    index = index_of(["ok", 5, "7", 3, *rows])
    index.on_junk = junk.append
    claim = await index.claim("token", 10, 0, 1000)
    assert claim == Claim(5, 7, [LEASE, Lease(B, "token", 2, 0, "a", "b.c", 7)])
    assert junk == [6]


@pytest.mark.parametrize("verb", ["confirm", "ack", "retry", "drop", "renew"])
@pytest.mark.parametrize("reply", [[], [1, 1], 1, None, "ok"])
async def test_a_batch_that_is_not_answered_one_by_one_is_not_answered(verb: str, reply: object) -> None:
    with pytest.raises(InvalidResponse, match=f"^{verb} was answered with .*: is this a Redis, and nothing in between"):
        await VERBS[verb](index_of(reply))
