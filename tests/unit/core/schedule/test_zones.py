"""Time zones: which names there are, and that the host has no say in it."""

import importlib.resources
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.core.reasons import Reason
from controller.core.schedule.zones import zone_of
from tests.unit.core.objects import ms
from tests.unit.core.schedule.asking import cron, following, refusal

UNKNOWN = [
    "Mars/Base",
    "Europe",
    "Europe/",
    "europe/berlin",
    "Europe/Berlin ",
    " Europe/Berlin",
    "Local",
    "local",
    "localtime",
    "posixrules",
    "right/UTC",
    "posix/UTC",
    "zone.tab",
    "tzdata.zi",
    "__init__.py",
    "+01:00",
    "UTC+1",
    "CET-1CEST",
    "../../etc/passwd",
    "Europe/../Europe/Berlin",
    "./UTC",
    "/etc/localtime",
    "/usr/share/zoneinfo/UTC",
    "a\0b",
    "\ud800",
    "",
    " ",
]

EVERYWHERE: list[dict[str, Any]] = [
    {"schedule": "0 9 * * *"},
    {"schedule": "@every 1h"},
    {"schedules": [{"cron": "0 9 * * *"}]},
    {"every": "1h", "exclude": [{"date": "2026-12-25"}]},
]


@pytest.fixture
def bare_host(tmp_path: Path) -> Iterator[None]:
    """A host without any time zone database."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([tmp_path])
    zoneinfo.ZoneInfo.clear_cache()
    zone_of.cache_clear()
    yield
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()
    zone_of.cache_clear()


@pytest.fixture
def misleading_host(bare_host: None, tmp_path: Path) -> None:
    """A host that takes Berlin for Kathmandu and has zones of its own."""
    kathmandu = (importlib.resources.files("tzdata") / "zoneinfo" / "Asia" / "Kathmandu").read_bytes()
    for name in ("Europe/Berlin", "localtime", "posixrules", "right/UTC"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(kathmandu)
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    refused = refusal(schedule="0 9 * * *", timeZone=name)
    assert refused.reason is Reason.UNKNOWN_TIME_ZONE
    assert refused.message == (
        f"spec.timeZone {name!r} is not a time zone of the IANA database: use a name like Europe/Berlin or Etc/UTC"
    )


def test_of_a_long_name_the_beginning_is_shown() -> None:
    assert f"spec.timeZone '{'x' * 80}' is not a time zone" in refusal(schedule="0 9 * * *", timeZone="x" * 300).message


@pytest.mark.parametrize("name", ["", "Mars/Base", "localtime"])
@pytest.mark.parametrize("spec", EVERYWHERE)
def test_it_is_refused_wherever_a_time_zone_is_accepted(spec: dict[str, Any], name: str) -> None:
    refused = refusal(**spec, timeZone=name)
    assert refused.reason is Reason.UNKNOWN_TIME_ZONE
    assert refused.message.startswith(f"spec.timeZone {name!r} ")


@pytest.mark.parametrize("name", ["", "Mars/Base", "localtime"])
def test_an_unknown_time_zone_of_one_of_several_schedules_is_refused_by_its_path(name: str) -> None:
    refused = refusal(schedules=[{"cron": "0 9 * * *"}, {"cron": "0 9 * * *", "timeZone": name}])
    assert refused.reason is Reason.UNKNOWN_TIME_ZONE
    assert refused.message.startswith(f"spec.schedules[1].timeZone {name!r} is not a time zone")


@pytest.mark.parametrize(
    "name", ["UTC", "Etc/UTC", "GMT", "Etc/GMT+12", "CET", "US/Eastern", "America/Argentina/Ushuaia"]
)
def test_names_and_old_names_of_the_database_are_accepted(name: str) -> None:
    assert zone_of(name).name == name


def test_utc_is_the_default() -> None:
    assert following(cron("0 9 * * *", "UTC"), "2026-01-10T00:00:00Z", 1) == ["2026-01-10T09:00:00Z"]
    assert zone_of("UTC").offset_ms(ms("2026-01-10T00:00:00Z")) == 0


@pytest.mark.usefixtures("bare_host")
def test_a_host_without_a_database_makes_no_difference() -> None:
    assert following(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", 2) == [
        "2026-03-29T01:00:00Z",
        "2026-03-30T00:30:00Z",
    ]


@pytest.mark.usefixtures("misleading_host")
def test_a_host_with_another_database_makes_no_difference() -> None:
    assert following(cron("0 9 * * *", "Europe/Berlin"), "2026-01-10T00:00:00Z", 1) == ["2026-01-10T08:00:00Z"]


@pytest.mark.usefixtures("misleading_host")
@pytest.mark.parametrize("name", ["localtime", "posixrules", "right/UTC"])
def test_zones_that_only_the_host_has_are_unknown(name: str) -> None:
    assert refusal(schedule="0 9 * * *", timeZone=name).reason is Reason.UNKNOWN_TIME_ZONE
