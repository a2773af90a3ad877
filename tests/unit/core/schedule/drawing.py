"""Random timers, and random instants around changes of the clocks."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from controller.core.instants import from_ms, rfc3339
from tests.unit.core.objects import DAY_MS, MINUTE_MS, SECOND_MS, ms

CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    "America/New_York": ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"],
    "Pacific/Auckland": ["2026-04-04T14:00:00Z", "2026-09-26T14:00:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"],
    "Africa/Casablanca": ["2024-03-10T02:00:00Z", "2024-04-14T02:00:00Z"],
    "America/Sao_Paulo": ["2018-02-18T02:00:00Z", "2018-11-04T03:00:00Z"],
    "America/Havana": ["2024-03-10T05:00:00Z", "2024-11-03T05:00:00Z"],
    "Antarctica/Troll": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
    "Pacific/Apia": ["2011-12-30T10:00:00Z"],
    "Asia/Kathmandu": ["2026-03-01T00:00:00Z"],  # nothing changes there
    "UTC": ["2026-12-31T23:59:59Z", "2028-02-29T00:00:00Z"],
}


@dataclass(frozen=True)
class Field:
    """A field of an expression, and what it means."""

    text: str
    values: frozenset[int] = field(repr=False)
    star: bool = field(repr=False)


@dataclass(frozen=True)
class Place:
    """A zone, and an instant at which its clocks are set."""

    zone: str
    change_ms: int


def places() -> st.SearchStrategy[Place]:
    """Any of the changes above."""
    return st.sampled_from([Place(zone, ms(change)) for zone, changes in CHANGES.items() for change in changes])


def around(instant_ms: int, minutes: int) -> st.SearchStrategy[int]:
    """An instant at most so many minutes away, mostly close, often at a round time and else a little beside it."""
    return st.builds(
        lambda tens, beside_ms: instant_ms + tens * 10 * MINUTE_MS + beside_ms,
        st.integers(-18, 18) | st.integers(-minutes // 10, minutes // 10),
        st.sampled_from([0, 0, -1, 1, 30 * SECOND_MS, 7 * MINUTE_MS + 1]),
    )


def _items(low: int, high: int, favourites: tuple[int, ...]) -> list[Field]:
    """Items of a field with these bounds."""
    items = [Field("*", frozenset(range(low, high + 1)), True), Field(f"*/{high + 1}", frozenset([low]), False)]
    items += [Field(f"*/{step}", frozenset(range(low, high + 1, step)), False) for step in (2, 3, 5, 12, 30)]
    for first, last in combinations(favourites, 2):
        items += [
            Field(f"{first}", frozenset([first]), False),
            Field(f"{first}-{last}", frozenset(range(first, last + 1)), False),
            Field(f"{first}-{last}/2", frozenset(range(first, last + 1, 2)), False),
            Field(f"{last}/7", frozenset(range(last, high + 1, 7)), False),
        ]
    return items


def _list(items: list[Field]) -> Field:
    return Field(
        ",".join(item.text for item in items),
        frozenset().union(*(item.values for item in items)),
        any(item.star for item in items),
    )


def fields(low: int, high: int, *favourites: int) -> st.SearchStrategy[Field]:
    """A field of one item or two."""
    return st.lists(st.sampled_from(_items(low, high, favourites)), min_size=1, max_size=2).map(_list)


EVERY_DAY = Field("*", frozenset(range(32)), True)


def mostly_star(some: st.SearchStrategy[Field]) -> st.SearchStrategy[Field]:
    """A star, as most day fields have it: with all of them restricted hardly anything occurs."""
    return st.integers(0, 5).flatmap(lambda number: some if number == 5 else st.just(EVERY_DAY))


SECONDS = fields(0, 59, 0, 1, 30, 59)
MINUTES = fields(0, 59, 0, 15, 30, 45, 59)
HOURS = fields(0, 23, 0, 1, 2, 3, 23)
DAYS_OF_MONTH = mostly_star(fields(1, 31, 1, 8, 25, 29, 31))
MONTHS = mostly_star(fields(1, 12, 2, 3, 4, 10, 11, 12))
WEEKDAYS = mostly_star(fields(0, 6, 0, 1, 5, 6))
FIVE_FIELDS = st.tuples(MINUTES, HOURS, DAYS_OF_MONTH, MONTHS, WEEKDAYS)


def expressions() -> st.SearchStrategy[str]:
    """Expressions of five fields, and a few of six."""
    seconds = st.sampled_from(["", "", "", "0 ", "7,59 ", "*/20 "])
    return st.builds(
        lambda second, five: second + " ".join(field.text for field in five),
        seconds,
        FIVE_FIELDS,
    )


@st.composite
def exclusions(draw: st.DrawFn, around_ms: int) -> list[dict[str, str]]:
    """Up to three entries of `exclude`."""
    day = from_ms(around_ms).date()

    def days(first: date, length: int) -> dict[str, str]:
        return {"from": first.isoformat(), "to": (first + timedelta(days=length)).isoformat()}

    some_day = st.integers(-2, 2).map(lambda away: day + timedelta(days=away))
    entry = (
        some_day.map(lambda date_: {"date": date_.isoformat()})
        | st.builds(days, some_day, st.integers(0, 2))
        | FIVE_FIELDS.map(lambda five: {"cron": " ".join(field.text for field in five)})
    )
    return draw(st.lists(entry, max_size=3))


@st.composite
def timers(draw: st.DrawFn) -> tuple[dict[str, Any], Place]:
    """The spec of a timer of any kind that recurs, and a change of its clocks."""
    place = draw(places())
    interval = draw(st.sampled_from(["7m", "45m", "1h", "90m", "5h", "24h", "59h", "59s"]))
    one_in_four = st.sampled_from([False, False, False, True])
    spec: dict[str, Any]
    match draw(st.sampled_from(["cron", "cron", "cron", "several", "@every", "every"])):
        case "cron":
            spec = {"schedule": draw(expressions()), "timeZone": place.zone}
        case "several":
            zones = st.sampled_from([place.zone, place.zone, "UTC", "Asia/Kathmandu"])
            entry = st.builds(lambda text, zone: {"cron": text, "timeZone": zone}, expressions(), zones)
            spec = {"schedules": [*draw(st.lists(entry, min_size=1, max_size=2)), {"cron": f"@every {interval}"}]}
        case "@every":
            spec = {"schedule": f"@every {interval}"}
        case _:
            spec = {"every": interval}
    if draw(one_in_four):
        spec |= {"exclude": draw(exclusions(place.change_ms)), "timeZone": place.zone}
    instants = around(place.change_ms, 1440)
    if draw(one_in_four):
        spec["startTime"] = rfc3339(draw(instants) - DAY_MS)
    if draw(one_in_four):
        spec["endTime"] = rfc3339(draw(instants) + DAY_MS)
    return spec, place
