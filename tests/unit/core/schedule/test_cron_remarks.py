"""What is accepted, because a CronJob accepts it, but surely means something else."""

import pytest

from controller.core.schedule.expression import parse_expression
from tests.unit.core.schedule.asking import OWNER


@pytest.mark.parametrize(
    ("expression", "remark"),
    [
        ("*/61 * * * *", "minute '*/61' is the same as '0': the step leads past 59"),
        ("0 */24 * * *", "hour '*/24' is the same as '0': the step leads past 23"),
        ("0 0 5-5/10 * *", "day-of-month '5-5/10' is the same as '5': the step leads past 5"),
        ("*-5 * * * *", "minute '*-5' means the same as '*': what follows the hyphen does not count"),
        ("0 ?-x * * *", "hour '?-x' means the same as '*': what follows the hyphen does not count"),
        (", * * * *", "minute ',' names no value"),
        ("0 9 , * 5", "day-of-month ',' names no value"),
        ("* * * * * *", "it fires every second, as of six fields the first is the second: '*'"),
        ("*/1 * * * * *", "it fires every second, as of six fields the first is the second: '*/1'"),
        ("0-59 * * * * *", "it fires every second, as of six fields the first is the second: '0-59'"),
        ("* 0 9 * * 1-5", "it fires 60 times a minute, as of six fields the first is the second: '*'"),
        ("@every 1.5s", "1.5s is cut to whole seconds"),
        ("@every 1m1500ms", "1m1500ms is cut to whole seconds"),
        ("@every 1ms", "1ms is shorter than a second, and 1s is taken"),
        ("* */5 * * * *", "it fires 60 times a minute, as of six fields the first is the second: '*'"),
    ],
)
def test_what_surely_means_something_else_is_remarked_upon(expression: str, remark: str) -> None:
    assert parse_expression(expression, "spec.schedule", OWNER).remarks == (remark,)


def test_each_oddity_has_a_remark_of_its_own() -> None:
    remarks = parse_expression("*/61 *-5 , * *", "spec.schedule", OWNER).remarks
    assert [remark.split(" ", 1)[0] for remark in remarks] == ["minute", "hour", "day-of-month"]


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/59 * * * *",
        "5/10 9 * * *",
        "59/1 9 * * *",
        "0 9 * * 1-5",
        "*/10 * * * * *",
        "0 * * * * *",
        "0 9 L * 5#3",
        "H H * * *",
        "0 0 31 2 *",
        "@daily",
        "@every 1.5m",
    ],
)
def test_what_can_be_meant_is_not_remarked_upon(expression: str) -> None:
    assert parse_expression(expression, "spec.schedule", OWNER).remarks == ()
