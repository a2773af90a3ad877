"""The fence: up to when everything about a timer is decided."""

from typing import Any

import pytest

from controller.core.fence import fence_ms, is_fenced_by_now
from controller.core.instants import rfc3339
from tests.unit.core.objects import CREATED_MS, DAY_MS, HOUR_MS, MINUTE_MS, handled, spec_written_at, timer

EVERY = {"every": "1h"}
HANDLED_MS = CREATED_MS + 5 * HOUR_MS
EDITED_MS = CREATED_MS + 6 * HOUR_MS
NOW_MS = CREATED_MS + DAY_MS

WRITTEN = handled(HANDLED_MS, timer(EVERY))
"""The status of generation 1 with this spec."""


def fence(spec: dict[str, Any], **changes: Any) -> int:
    return fence_ms(timer(spec, **changes), NOW_MS)


def test_a_new_timer_is_fenced_at_its_creation() -> None:
    assert fence(EVERY) == CREATED_MS


def test_a_new_timer_is_fenced_at_its_creation_whoever_wrote_its_spec_when() -> None:
    assert fence(EVERY, managedFields=spec_written_at(rfc3339(EDITED_MS))) == CREATED_MS


def test_status_of_this_generation_knows() -> None:
    assert fence(EVERY, status=WRITTEN) == HANDLED_MS


def test_status_of_a_newer_generation_than_a_stale_read_knows() -> None:
    assert fence(EVERY, status=WRITTEN | {"observedGeneration": 3}, generation=2) == HANDLED_MS


def test_an_edit_of_the_template_alone_fences_nothing() -> None:
    spec = EVERY | {"jobTemplate": {"spec": {"backoffLimit": 1}}}
    assert fence(spec, status=WRITTEN, generation=2, managedFields=spec_written_at(rfc3339(EDITED_MS))) == HANDLED_MS


@pytest.mark.parametrize("spec", [{"every": "30m"}, {"every": "1h", "suspend": True}, {"schedule": "* * * * *"}])
def test_an_edit_of_the_timing_fences_at_its_time(spec: dict[str, Any]) -> None:
    assert fence(spec, status=WRITTEN, generation=2, managedFields=spec_written_at(rfc3339(EDITED_MS))) == EDITED_MS


def test_after_several_edits_the_last_one_fences_even_where_the_timing_is_as_it_was() -> None:
    assert fence(EVERY, status=WRITTEN, generation=3, managedFields=spec_written_at(rfc3339(EDITED_MS))) == EDITED_MS


def test_an_edit_without_a_trace_counts_as_made_now() -> None:
    assert fence({"every": "30m"}, status=WRITTEN, generation=2) == NOW_MS
    assert is_fenced_by_now(timer({"every": "30m"}, status=WRITTEN, generation=2))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="new"),
        pytest.param({"status": WRITTEN}, id="status knows"),
        pytest.param(
            {"status": WRITTEN, "generation": 3, "managedFields": spec_written_at(rfc3339(EDITED_MS))}, id="dated"
        ),
    ],
)
def test_all_else_is_fenced_by_what_the_object_tells(changes: dict[str, Any]) -> None:
    assert not is_fenced_by_now(timer(EVERY, **changes))
    assert fence(EVERY, **changes) < NOW_MS


@pytest.mark.parametrize("status_after_s", [0, 1, 3600])
def test_an_edit_that_only_removed_fields_counts_as_made_now(status_after_s: int) -> None:
    """managedFields take no note of it, but status was written later than what they tell of."""
    written_ms = CREATED_MS + MINUTE_MS
    fields = spec_written_at(rfc3339(written_ms), status_at=rfc3339(written_ms + status_after_s * 1000))
    assert fence({"every": "30m"}, status=WRITTEN, generation=2, managedFields=fields) == NOW_MS


def test_an_edit_never_moves_the_fence_back() -> None:
    early = spec_written_at(rfc3339(HANDLED_MS - MINUTE_MS))
    assert fence({"every": "30m"}, status=WRITTEN, generation=2, managedFields=early) == HANDLED_MS


def test_a_timer_edited_before_its_first_status_is_fenced_at_the_edit() -> None:
    assert fence(EVERY, generation=2, managedFields=spec_written_at(rfc3339(EDITED_MS))) == EDITED_MS
    assert fence(EVERY, generation=2) == NOW_MS


def test_an_edit_is_not_fenced_before_the_creation() -> None:
    fields = spec_written_at(rfc3339(CREATED_MS - HOUR_MS), status_at=rfc3339(CREATED_MS - 2 * HOUR_MS))
    assert fence(EVERY, generation=2, managedFields=fields) == CREATED_MS


@pytest.mark.parametrize(
    ("spec", "expected_ms"),
    [
        ({"at": "2026-03-01T09:00:00Z", "startingDeadlineSeconds": 7200}, CREATED_MS - 2 * HOUR_MS),
        ({"at": "2026-03-01T09:00:00Z", "startingDeadlineSeconds": 0}, CREATED_MS),
        ({"at": "2026-03-01T09:00:00Z"}, CREATED_MS),
        ({"every": "1h", "startingDeadlineSeconds": 7200}, CREATED_MS),
        ({"schedule": "* * * * *", "startingDeadlineSeconds": 7200}, CREATED_MS),
    ],
)
def test_only_one_instant_with_an_explicit_deadline_reaches_back_before_the_creation(
    spec: dict[str, Any], expected_ms: int
) -> None:
    assert fence(spec) == expected_ms


def test_even_the_longest_deadline_reaches_back_no_further_than_instants_are_counted_from() -> None:
    assert fence({"at": "2026-03-01T09:00:00Z", "startingDeadlineSeconds": 2**31 - 1}) == 0


def test_an_edit_of_an_instant_admits_no_deadline_in_retrospect() -> None:
    spec = {"at": "2026-03-01T15:30:00Z", "startingDeadlineSeconds": 7200}
    assert fence(spec, status=WRITTEN, generation=2, managedFields=spec_written_at(rfc3339(EDITED_MS))) == EDITED_MS
