"""Namespaces out of reach: what is told of them, and that the others are not."""

import pytest

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.observe import metrics
from controller.observe.health import Health
from controller.reconcile.reach import Reach

FORBIDDEN = ApiError(403, "Forbidden", 'jobs.batch is forbidden: it is not for you in the namespace "a"')


@pytest.fixture
def health() -> Health:
    health = Health()
    health.clear("start")
    return health


@pytest.fixture
def reach(health: Health) -> Reach:
    return Reach(("a", "b"), health)


def in_reach(namespace: str) -> float:
    (family,) = metrics.IN_REACH.collect()
    return next(sample.value for sample in family.samples if sample.labels == {"served_namespace": namespace})


def test_all_namespaces_are_one_place_of_which_nothing_is_told() -> None:
    reach = Reach()
    assert reach.places == (None,)
    assert not reach.refuses(None, "jobs", FORBIDDEN)
    assert not reach.out


def test_a_refusal_is_remarked_and_does_not_make_unready(reach: Reach, health: Health) -> None:
    assert reach.refuses("a", "jobs", FORBIDDEN)
    assert reach.out == {"a"}
    assert (in_reach("a"), health.obstacles) == (0, {})
    assert health.remarks == {"namespace a": f"is not served: {FORBIDDEN.message}"}


def test_all_refused_is_nothing_to_be_ready_for(reach: Reach, health: Health) -> None:
    reach.refuses("a", "jobs", FORBIDDEN)
    reach.refuses("b", "jobs", FORBIDDEN)
    assert "namespaces" in health.obstacles
    reach.grants("b", "jobs")
    assert health.obstacles == {}


def test_it_is_in_reach_again_once_all_is_granted_that_was_refused(reach: Reach, health: Health) -> None:
    for what in ("jobs", "redistimers"):
        reach.refuses("a", what, FORBIDDEN)
    reach.grants("a", "jobs")
    assert reach.out == {"a"}
    reach.grants("a", "redistimers")
    assert (reach.out, in_reach("a"), health.remarks) == (frozenset(), 1, {})


@pytest.mark.parametrize("status", [401, 404, 410, 429, 500, 503])
def test_other_answers_say_nothing_about_a_namespace(reach: Reach, status: int) -> None:
    assert not reach.refuses("a", "jobs", ApiError(status, "No", "no"))
    assert not reach.out


async def test_whether_it_lets_in_is_asked_for_and_trouble_is_left_to_others(reach: Reach) -> None:
    async def answers(error: Exception | None = None) -> None:
        if error:
            raise error

    assert not await reach.lets("a", "redistimers", answers(FORBIDDEN))
    assert await reach.lets("a", "redistimers", answers(ApiUnreachableError("away")))
    assert await reach.lets("a", "redistimers", answers(ApiError(503, "ServiceUnavailable", "later")))
    assert reach.out == {"a"}
    assert await reach.lets("a", "redistimers", answers())
    assert not reach.out
