"""Reports pass through Redis, where others may write: what is out of bounds is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from controller.core.reasons import Reason
from controller.core.report import COUNT_LIMIT, MESSAGE_LIMIT, Report
from tests.unit.core.objects import ms

LATEST_MS = ms("9999-12-31T23:59:59.999Z")
GOOD: dict[str, Any] = {
    "ticket": "AAAAAAAAAAAAAAAAAAAA-_",
    "reason": "Forbidden",
    "generation": 1,
    "occurrence_ms": 0,
    "count": 1,
    "message": "",
}


@pytest.mark.parametrize(
    "change",
    [{}, {"occurrence_ms": LATEST_MS}, {"count": 1_000_000}, {"message": "x" * MESSAGE_LIMIT}, {"generation": 2**40}],
)
def test_a_report_comes_back_from_its_json_as_it_was(change: dict[str, Any]) -> None:
    report = Report.model_validate(GOOD | change)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_report_need_not_say_how_many_or_why() -> None:
    report = Report(ticket=GOOD["ticket"], reason=Reason.MISS_SCHEDULE, generation=1, occurrence_ms=1)
    assert (report.count, report.message) == (1, "")


@pytest.mark.parametrize(
    "change",
    [
        {"ticket": ""},
        {"ticket": "A" * 21},
        {"ticket": "A" * 23},
        {"ticket": "A" * 21 + "/"},
        {"ticket": "A" * 22 + "\n"},
        {"ticket": "A" * 22 + "~"},
        {"ticket": "A" * 22 + "~abcdefg"},
        {"ticket": "A" * 22 + "~abcdefgh2"},
        {"ticket": "A" * 22 + "~ABCDEFGH"},
        {"ticket": "A" * 22 + "~abcdefg1"},
        {"ticket": "A" * 22 + "-abcdefgh"},
        {"ticket": "A" * 22 + "~abcdefgh\n"},
        {"ticket": "A" * 21 + "~abcdefgh"},
        {"reason": "Whatever"},
        {"generation": 0},
        {"occurrence_ms": -1},
        {"occurrence_ms": LATEST_MS + 1},
        {"count": 0},
        {"count": COUNT_LIMIT + 1},
        {"message": "x" * (MESSAGE_LIMIT + 1)},
        {"message": None},
    ],
)
def test_a_report_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Report.model_validate(GOOD | change)


@pytest.mark.parametrize(("ticket", "key"), [("A" * 22, ""), ("A" * 22 + "~abc234xy", "abc234xy")])
def test_a_report_says_whether_it_is_about_an_occurrence_or_about_which_request(ticket: str, key: str) -> None:
    report = Report.model_validate(GOOD | {"ticket": ticket})
    assert report.request_key == key
    assert Report.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("missing", ["ticket", "reason", "generation", "occurrence_ms"])
def test_a_report_without_what_it_is_about_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError):
        Report.model_validate({key: value for key, value in GOOD.items() if key != missing})


def test_a_report_cannot_be_changed() -> None:
    report = Report.model_validate(GOOD)
    with pytest.raises(ValidationError):
        report.count = 2
