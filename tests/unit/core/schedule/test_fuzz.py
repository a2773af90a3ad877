"""Whatever a spec says, it is read or refused, and neither takes long."""

import random
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

from controller.core.problems import SpecError
from controller.core.schedule.expression import parse_expression
from controller.core.schedule.reading import TIMING_FIELDS
from controller.core.timing import read_timing
from tests.unit.core.objects import CREATED_MS
from tests.unit.core.schedule.asking import OWNER

SEED = 20_261_125
TEXTS = 100_000
SLOWEST_S = 3.0
"""Of CPU, on whatever machine; a hundred times as long as anything needs that does not go over decades."""

PIECES = [
    *("*", "?", "0", "1", "5", "7", "23", "31", "59", "60", "007", "+5", "-", "-5", "99999999999999999999", "٣", "½"),
    *(",", ",,", "/", "/2", "*/5", "*/0", "*/61", "5/10", "1-5", "5-1", "*-5", "1-2-3", "/-1", "#", "1#2", "MON#6"),
    *("mon", "SUN-SAT", "jan", "DEC/2", "ſun", "L", "LW", "5L", "fril", "15W", "H", "h/15", "H(1-5)", "H(9-5)", "H("),
    *("@daily", "@every ", "@every 1h", "@", "TZ=UTC", "CRON_TZ=", "1h30m", "1.5h", "ns", ".", "\0", "\x1c", "\u200b"),
]
SPACES = [" "] * 12 + ["  ", "\t", "\n", "\u00a0", "\u3000", "", ","]
MODELS = [
    "0 9 * * 1-5",
    "*/15 0-6,22 1,15 jan-MAR,12 mon-Fri",
    "H H(1-5) L * 5#3",
    "*/10 0 9 LW 2 0L",
    "0 0 29 2 0#5",
    "30 2 29 2 *",
    "@every 1h30m",
    "@weekly",
]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    None,
    "Mars/Base",
    "",
    "localtime",
]


def texts(chance: random.Random, models: list[str]) -> Iterator[str]:
    """Random texts without end: any characters, pieces of what could be meant, and models with small changes."""

    def anything() -> str:
        top = chance.choice([0x80, 0x250, 0x3000, 0x110000])
        return "".join(chr(chance.randrange(top)) for _ in range(chance.randrange(20)))

    def pieces() -> str:
        fields = (
            "".join(chance.choices(PIECES, k=chance.choice([1, 1, 1, 2, 3])))
            for _ in range(chance.choice([4, 5, 5, 5, 6, 7]))
        )
        return chance.choice(SPACES).join(fields)

    def near_miss() -> str:
        text = list(chance.choice(models))
        for _ in range(chance.choice([0, 1, 1, 2, 4])):
            place = chance.randrange(len(text) + 1)
            text[place : place + chance.randrange(2)] = chance.choice(
                ["", chance.choice(PIECES), chance.choice("".join(models))]
            )
        return "".join(text)

    while True:
        yield chance.choice([anything, pieces, pieces, near_miss, near_miss, near_miss])()


def accepted(read: Callable[..., object], *arguments: Any) -> bool:
    """Whether something is read and not refused; any other error than SpecError is raised."""
    try:
        read(*arguments)
    except SpecError as error:
        return not error.message
    return True


def read_and_ask(spec: dict[str, Any]) -> None:
    asked = read_timing(spec, CREATED_MS, OWNER)
    next_ms = asked.schedule.next_after(CREATED_MS)
    assert next_ms is None or next_ms > CREATED_MS


def test_a_hundred_thousand_texts_are_read_or_refused_and_none_takes_long() -> None:
    chance = random.Random(SEED)
    numbers = {True: 0, False: 0}
    slowest_s, slowest = 0.0, ""
    for text in islice(texts(chance, MODELS), TEXTS):
        began_s = time.process_time()
        parsed = accepted(parse_expression, text, "spec.schedule", OWNER)
        numbers[parsed] += 1
        timed = accepted(read_and_ask, {"schedule": text, "timeZone": chance.choice(ZONES)})
        assert parsed or not timed
        if (taken_s := time.process_time() - began_s) > slowest_s:
            slowest_s, slowest = taken_s, text
    assert min(numbers.values()) > TEXTS // 10
    assert slowest_s < SLOWEST_S, f"{slowest!r} took {slowest_s:.1f} s of CPU"


INSTANTS = ["2026-11-22T10:00:00+01:00", "1970-01-01T00:00:00Z", "2999-12-31T23:59:59.999-11:30"]
DATES = ["2026-12-25", "1970-01-01", "2999-12-31", "2028-02-29"]
DURATIONS = ["1h30m", "45s", "87600h", "24h", "10m"]

# A spec with a place for a text, and texts that belong there.
PLACES: list[tuple[Callable[[str], dict[str, Any]], list[str]]] = [
    (lambda text: {"at": text}, INSTANTS),
    (lambda text: {"every": "1h", "startTime": text}, INSTANTS),
    (lambda text: {"schedule": "0 9 * * *", "endTime": text}, INSTANTS),
    (lambda text: {"every": text}, DURATIONS),
    (lambda text: {"afterCreation": text}, DURATIONS),
    (lambda text: {"schedule": "0 9 * * *", "jitter": text}, DURATIONS),
    (lambda text: {"schedule": f"@every {text}"}, DURATIONS),
    (lambda text: {"schedule": "0 9 * * *", "timeZone": text}, ["Europe/Berlin", "UTC", "Etc/GMT+5"]),
    (lambda text: {"schedules": [{"cron": "0 9 * * *", "timeZone": text}]}, ["Europe/Berlin", "UTC", "Etc/GMT+5"]),
    (lambda text: {"schedule": "0 9 * * *", "exclude": [{"date": text}]}, DATES),
    (lambda text: {"every": "1h", "exclude": [{"from": text, "to": "2026-12-25"}]}, DATES),
    (lambda text: {"every": "1h", "exclude": [{"from": "2026-12-25", "to": text}]}, DATES),
    (lambda text: {"schedule": "0 9 * * *", "exclude": [{"cron": text}]}, MODELS[:4]),
    (lambda text: {"schedules": [{"cron": text}, {"cron": "0 9 * * *"}], "exclude": [{"cron": text}]}, MODELS[:4]),
]


@pytest.mark.parametrize(("spec", "models"), PLACES)
def test_a_text_in_any_other_field_is_read_or_refused(spec: Callable[[str], dict[str, Any]], models: list[str]) -> None:
    chance = random.Random(SEED)
    numbers = [accepted(read_and_ask, spec(text)) for text in islice(texts(chance, models), 1_500)]
    assert all(accepted(read_and_ask, spec(text)) for text in models[:1])
    assert not all(numbers)


@pytest.mark.parametrize(
    "value", [None, False, True, 0, -1, 1.5, 10**400, "", b"x", [], {}, [[]], [None], {"cron": {}}, object()]
)
@pytest.mark.parametrize("field", [*TIMING_FIELDS, "cron", "date", "from"])
def test_a_value_of_any_type_is_read_or_refused(field: str, value: object) -> None:
    spec: dict[str, Any] = {"schedule": "0 9 * * *"}
    if field in TIMING_FIELDS:
        accepted(read_and_ask, {field: value})
        accepted(read_and_ask, {**spec, field: value})
    else:
        accepted(read_and_ask, {**spec, "exclude": [{field: value}]})
        accepted(read_and_ask, {"schedules": [{field: value, "timeZone": value}]})


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5_000 + " 9 * * *",
        "0" * 5_000 + "5 9 * * *",
        "*/" + "0" * 5_000 + "5 9 * * *",
        "0 9 * * 1#" + "0" * 5_000 + "1",
        "@every " + "9" * 5_000 + "h",
        "@every 0." + "0" * 5_000 + "1h",
        "@every " + "1h" * 5_000,
        "@every " + "1" * 50_000 + "x",
        "0," * 50_000 + "0 9 * * *",
        "*/2," * 20_000 + "0 9 * * *",
        "0 9 * * " + "MON," * 20_000,
        "0-" * 50_000 + " 9 * * *",
        " " * 50_000 + "0 9 * * *",
        "H(" * 20_000 + " 9 * * *",
        # No longer than what is accepted at all.
        "9" * 500 + " 9 * * *",
        "*/" + "0" * 490 + "5 9 * * *",
        "@every " + "9" * 500 + "h",
        "@every 0." + "0" * 490 + "1h",
        "@every " + "1h" * 250,
        "@every " + "1" * 500 + "x",
        "*," * 250 + "0 9 * * *",
        "0 9 * * " + "MON-FRI/2," * 50,
    ],
)
def test_a_very_long_text_is_read_or_refused(text: str) -> None:
    for spec in ({"schedule": text}, {"schedules": [{"cron": text}]}, {"every": "1h", "exclude": [{"cron": text}]}):
        accepted(read_and_ask, spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "0 0 29 2 0#5", "timeZone": "Europe/Berlin"},
        {"schedule": "0 9 29 2 *", "exclude": [{"cron": "* * * 2 *"}]},
        {"schedule": "* * * * * *", "exclude": [{"from": "2026-01-01", "to": "2400-12-31"}]},
        {"every": "1s", "exclude": [{"from": "2026-01-01", "to": "2400-12-31"}]},
        {"every": "1000h", "exclude": [{"cron": "* * * * *"}]},
        {"every": "87600h", "startTime": "2035-04-03T00:00:00Z", "exclude": [{"cron": "* * * * *"}]},
        {"every": "1s", "exclude": [{"cron": f"{n}-59/16 * * * *"} for n in range(16)]},
        {
            "schedules": [{"cron": f"{n}-59/16 9 {n + 1} * *", "timeZone": "Asia/Tokyo"} for n in range(16)],
            "exclude": [{"cron": f"{n}-59/16 * * * *"} for n in range(16)],
        },
    ],
)
def test_a_spec_that_leaves_nothing_for_long_does_not_take_long(spec: dict[str, Any]) -> None:
    began_s = time.process_time()
    read_and_ask(spec)
    assert time.process_time() - began_s < SLOWEST_S
