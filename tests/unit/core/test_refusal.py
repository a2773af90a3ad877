"""Why the API server refused a Job, and when to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.reasons import CREATE_PROBLEMS, Reason
from controller.core.refusal import LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS, refusal_reason, try_again_ms
from tests.unit.core.objects import HOUR_MS, SECOND_MS


@pytest.mark.parametrize(
    ("status", "message", "causes", "reason"),
    [
        (403, "is forbidden: User cannot create", [], Reason.FORBIDDEN),
        (403, "is forbidden: exceeded quota: small, requested: count/jobs=1", [], Reason.QUOTA_EXCEEDED),
        (403, "is forbidden: it is being terminated", ["NamespaceTerminating"], Reason.NAMESPACE_TERMINATING),
        (404, 'namespaces "gone" not found', [], Reason.NAMESPACE_TERMINATING),
        (400, "strict decoding error", [], Reason.INVALID_TEMPLATE),
        (413, "too large", [], Reason.INVALID_TEMPLATE),
        (422, "spec.template: Required value", ["FieldValueRequired"], Reason.INVALID_TEMPLATE),
        (404, "the server could not find the requested resource", [], Reason.FAILED_CREATE),
        (500, "webhook failed", [], Reason.FAILED_CREATE),
    ],
)
def test_a_refusal_has_a_reason_in_our_own_words(status: int, message: str, causes: list[str], reason: Reason) -> None:
    assert refusal_reason(status, message, causes) is reason
    assert reason in CREATE_PROBLEMS


@pytest.mark.parametrize(
    ("late_s", "wait_s"), [(-3, 1), (0, 1), (1, 1), (2, 2), (4, 4), (32, 32), (60, 60), (64, 60), (10_000, 60)]
)
def test_the_wait_is_as_long_as_the_occurrence_is_late_within_bounds(late_s: int, wait_s: int) -> None:
    now_ms = HOUR_MS + late_s * SECOND_MS
    assert try_again_ms(HOUR_MS, now_ms, None) == now_ms + wait_s * SECOND_MS


def test_the_next_occurrence_is_not_waited_over() -> None:
    now_ms = HOUR_MS + 30 * SECOND_MS
    assert try_again_ms(HOUR_MS, now_ms, now_ms + 10 * SECOND_MS) == now_ms + 10 * SECOND_MS
    assert try_again_ms(HOUR_MS, now_ms, now_ms + 45 * SECOND_MS) == now_ms + 30 * SECOND_MS


@given(late_ms=st.integers(-10_000, 10**8), until_next_ms=st.none() | st.integers(-(10**6), 10**8))
def test_no_wait_is_shorter_or_longer_than_the_bounds(late_ms: int, until_next_ms: int | None) -> None:
    now_ms = HOUR_MS + late_ms
    next_ms = None if until_next_ms is None else now_ms + until_next_ms
    assert SHORTEST_BACKOFF_MS <= try_again_ms(HOUR_MS, now_ms, next_ms) - now_ms <= LONGEST_BACKOFF_MS
