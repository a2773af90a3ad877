"""An expression that cannot be used: the message says where, what was found, what is accepted, and gives an example."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.core.reasons import Reason
from tests.unit.core.schedule.asking import refusal, timing

FIELDS = [
    # The expression, the field and the item at fault, what is accepted there, an example.
    ("60 * * * *", "minute '60' is out of range", "minute (0-59)", "*/5 * * * *"),
    ("99999999999999999999 * * * *", "minute '99999999999999999999' is out of range", "minute (0-59)", "*/5 * * * *"),
    ("* 24 * * *", "hour '24' is out of range", "hour (0-23)", "0 9-17 * * *"),
    ("* * 0 * *", "day-of-month '0' is out of range", "day-of-month (1-31)", "0 6 1,15 * *"),
    ("* * 32 * *", "day-of-month '32' is out of range", "day-of-month (1-31)", "0 6 1,15 * *"),
    ("* * * 0 *", "month '0' is out of range", "month (1-12 or JAN-DEC)", "0 6 1 JAN,JUL *"),
    ("* * * 13 *", "month '13' is out of range", "month (1-12 or JAN-DEC)", "0 6 1 JAN,JUL *"),
    ("* * * * 8", "day-of-week '8' is out of range", "day-of-week (0-6 or SUN-SAT)", "30 6 * * MON-FRI"),
    ("* * * * 7", "day-of-week '7' is out of range, Sunday is 0", "day-of-week (0-6 or SUN-SAT)", "30 6 * * MON-FRI"),
    ("* * * * 5-7", "day-of-week '5-7' is out of range, Sunday is 0", "day-of-week (0-6 or", "30 6 * * MON-FRI"),
    ("* * * * 7L", "day-of-week '7L' is out of range, Sunday is 0", "day-of-week (0-6 or", "30 6 * * MON-FRI"),
    ("60 * * * * *", "second '60' is out of range", "second (0-59)", "*/15 30 6 * * *"),
    ("0 60 * * * *", "minute '60' is out of range", "minute (0-59)", "*/5 * * * *"),
    ("x * * * *", "minute 'x' is not understood", "minute (0-59)", "*/5 * * * *"),
    ("-5 * * * *", "minute '-5' is not understood", "minute (0-59)", "*/5 * * * *"),
    ("5- * * * *", "minute '5-' is not understood", "minute (0-59)", "*/5 * * * *"),
    ("** * * * *", "minute '**' is not understood", "minute (0-59)", "*/5 * * * *"),
    ("5-1 * * * *", "minute '5-1' is a range that ends before it begins", "minute (0-59)", "*/5 * * * *"),
    ("* * * * FRI-MON", "day-of-week 'FRI-MON' is a range that ends before", "day-of-week (0-6 or", "30 6 * * MON-FRI"),
    ("1-2-3 * * * *", "minute '1-2-3' has more than one hyphen", "minute (0-59)", "*/5 * * * *"),
    ("1/2/3 * * * *", "minute '1/2/3' has more than one slash", "minute (0-59)", "*/5 * * * *"),
    ("*/0 * * * *", "minute '*/0' has no step", "minute (0-59)", "*/5 * * * *"),
    ("*/ * * * *", "minute '*/' has no step", "minute (0-59)", "*/5 * * * *"),
    ("*/-5 * * * *", "minute '*/-5' has no step", "minute (0-59)", "*/5 * * * *"),
    ("*/x * * * *", "minute '*/x' has no step", "minute (0-59)", "*/5 * * * *"),
    ("0,5,99 * * * *", "minute '99' is out of range", "minute (0-59)", "*/5 * * * *"),
    ("0 9 * FEBRUARY *", "month 'FEBRUARY' is not understood", "month (1-12 or JAN-DEC)", "0 6 1 JAN,JUL *"),
    (
        "0 9 * * MON#6",
        "day-of-week 'MON#6' has no week",
        "after # belongs a number from 1 to 5, as in FRI#3",
        "MON-FRI",
    ),
    ("H(9-70) 9 * * *", "minute 'H(9-70)' is not within the range", "minute (0-59)", "*/5 * * * *"),
    ("H(9 9 * * *", "minute 'H(9' is not understood", "write H, H(9-17), H/15 or H(0-29)/10", "*/5 * * * *"),
]


@pytest.mark.parametrize(("expression", "fault", "accepted", "example"), FIELDS)
@pytest.mark.parametrize("where", ["spec.schedule", "spec.schedules[1].cron"])
def test_a_field_at_fault_is_named_with_what_it_accepts(
    where: str, expression: str, fault: str, accepted: str, example: str
) -> None:
    if where == "spec.schedule":
        refused = refusal(schedule=expression)
    else:
        refused = refusal(schedules=[{"cron": "0 9 * * *"}, {"cron": expression}])
    assert refused.reason is Reason.INVALID_SCHEDULE
    assert refused.message.startswith(f"{where} {expression!r} is not a cron expression: {fault}")
    assert accepted in refused.message
    assert example in refused.message


@pytest.mark.parametrize(
    ("expression", "number"),
    [
        ("", 0),
        ("  ", 0),
        ("*", 1),
        ("hourly", 1),
        ("* * * *", 4),
        ("0 0 9 * * * *", 7),
        ("0 9 * * * # daily", 7),
        ("0 9 * * 1 - 5", 7),
        ("0,\u2003", 1),
    ],
)
def test_a_wrong_number_of_fields_is_told_with_their_order(expression: str, number: int) -> None:
    refused = refusal(schedule=expression)
    assert refused.reason is Reason.INVALID_SCHEDULE
    assert refused.message.startswith(f"spec.schedule {expression!r} has {number} fields, but five or six are needed: ")
    assert "[second] minute hour day-of-month month day-of-week" in refused.message
    assert '"30 6 * * 1-5"' in refused.message


@pytest.mark.parametrize(
    "expression",
    [
        "TZ=Europe/Berlin 0 9 * * *",
        "CRON_TZ=Europe/Berlin 0 9 * * *",
        "tz=Europe/Berlin 0 9 * * *",
        "  TZ=Europe/Berlin 0 9 * * *",
        "TZ=UTC @daily",
        "CRON_TZ=UTC @every 1h",
        "TZ=UTC",
        "0 9 * * * TZ=UTC",
    ],
)
def test_a_time_zone_inside_the_expression_is_refused_with_the_field_it_belongs_into(expression: str) -> None:
    refused = refusal(schedule=expression)
    assert refused.reason is Reason.INVALID_SCHEDULE
    assert refused.message.startswith(f"spec.schedule {expression!r} names a time zone: put the zone into timeZone, ")
    assert 'timeZone: "Europe/Berlin"' in refused.message


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("x" * 500, "'" + "x" * 80 + "...'"),
        ("60 " + "0," * 200 + " * * *", "'60 " + "0," * 38 + "0...'"),
        ("@every " + "1h" * 200 + "?", "'@every " + "1h" * 36 + "1...'"),
        ("*/0" + "0" * 400 + " 9 * * *", "'*/0" + "0" * 77 + "...'"),
        ("0," * 5_000 + "0 9 * * *", "'" + "0," * 40 + "...'"),
    ],
)
def test_of_a_long_expression_only_the_beginning_is_shown(expression: str, shown: str) -> None:
    message = refusal(schedule=expression).message
    assert shown in message
    assert len(message) < 500


@pytest.mark.parametrize(
    "spec",
    [
        lambda text: {"schedule": text},
        lambda text: {"schedules": [{"cron": text}]},
        lambda text: {"every": "1h", "exclude": [{"cron": text}]},
    ],
)
def test_an_expression_has_at_most_512_characters(spec: Callable[[str], dict[str, Any]]) -> None:
    accepted = "5" + " " * 504 + "9 * * *"
    assert len(accepted) == 512
    assert timing(**spec(accepted))
    refused = refusal(**spec(accepted + " "))
    assert refused.reason is Reason.INVALID_SCHEDULE
    assert "has 513 characters: at most 512 are accepted" in refused.message
