"""What is said of a CronJob and the days on which clocks are set, held against what its own parser makes of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controller.core.cronjob.clock_changes import differences
from controller.core.schedule.occurrences import between
from controller.core.schedule.reading import read_schedule
from controller.core.schedule.zones import Era, zone_of
from tests.oracle.cronjob import Question, ask
from tests.oracle.expressions import Expressions

SEED = 1
ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Auckland", "Africa/Casablanca", "Antarctica/Troll", "Asia/Gaza")
"""Those set by whole hours and not at midnight: elsewhere that parser loses runs that nobody would explain."""

FIRST_MS = 1_767_225_600_000  # 2026 begins
CHANGES = 2
OFTEN = (
    "30 2 * * *",
    "0 2,3 * * *",
    "*/10 1-3 * * *",
    "0 * * * *",
    "*/30 2 * * *",
    "0 */2 * * *",
    "15 1 * * 0",
    "@hourly",
)

_HOUR_MS = 3_600_000
_MOST = 240


@dataclass(frozen=True)
class Case:
    """An expression, and a change of the clocks."""

    expression: str
    zone: str
    era: Era

    @property
    def end_ms(self) -> int:
        """When the wall clock is past all that was jumped over, or shown again."""
        return self.era.start_ms + abs(self.era.shift_ms)

    @property
    def question(self) -> Question:
        return Question(self.expression, self.zone, self.era.start_ms // 1000 - 1, _MOST)


def test_a_difference_is_told_exactly_where_a_cronjob_runs_at_other_times() -> None:
    cases = list(_cases())
    told = []
    for case, answer in zip(cases, ask(case.question for case in cases), strict=True):
        schedule = read_schedule({"schedule": case.expression, "timeZone": case.zone}, 0, "default/x")
        ours = set(between(schedule, case.era.start_ms - 1, case.end_ms - 1))
        theirs = {instant_s * 1000 for instant_s in answer.instants_s if instant_s * 1000 < case.end_ms}
        said = " ".join(differences(case.expression, case.zone, "default/x", case.era.start_ms - _HOUR_MS))
        local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=case.era.start_ms + case.era.offset_ms)
        about_this = f"on {local:%Y-%m-%d}" in said
        assert about_this == (ours != theirs), (case, said)
        told.append(about_this)
    assert min(sum(told), len(told) - sum(told)) > 50


def _cases() -> Iterator[Case]:
    source, chance = Expressions(SEED), random.Random(SEED)
    random_ones = [one for one in (source.valid() for _ in range(400)) if not one.startswith("@every")]
    for zone in ZONES:
        for era in _changes(zone):
            for expression in (*OFTEN, *chance.sample(random_ones, 60)):
                yield Case(expression, zone, era)


def _changes(zone: str) -> list[Era]:
    eras = zone_of(zone).eras_from(FIRST_MS)
    next(eras)
    found = []
    while len(found) < CHANGES:
        era = next(eras)
        if era.shift_ms:
            found.append(era)
    return found
