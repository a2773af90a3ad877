"""A schedule of ours is valid where a CronJob's is, and due at the same instants.

Left out are the days on which clocks are set, where we differ on purpose.
"""

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from controller.core.problems import SpecError
from controller.core.schedule.reading import read_schedule
from tests.oracle.additions import plain_forms
from tests.oracle.corners import CORNERS, NEVER
from tests.oracle.cronjob import Answer, Question, ask
from tests.oracle.expressions import Expressions
from tests.oracle.quiet import Span, quiet_spans, year_begins_s, year_of

SEED = 1
COUNT = 8
STARTS = 3

STEADY = ("UTC", "Asia/Kolkata", "Asia/Tokyo", "Etc/GMT+5", "America/Phoenix", "Asia/Kathmandu", "Pacific/Kiritimati")
CHANGING = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Auckland",
    "America/Havana",
    "Antarctica/Troll",
    "Europe/Dublin",
    "America/St_Johns",
    "Asia/Gaza",
)

_YEARS_SEARCHED = 5  # by the library, after the year in which it begins
_DAY_S = 86_400
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Case:
    """An expression, and a span of time in which both sides are compared."""

    expression: str
    zone: str
    after_ms: int
    until_s: int

    @property
    def question(self) -> Question:
        return Question(self.expression, self.zone, self.after_ms // 1000, COUNT)


def test_ours_accepts_what_a_cronjob_accepts_and_our_additions() -> None:
    expressions = _expressions()
    forms = [plain_forms(expression) for expression in expressions]
    answers = iter(ask(Question(form) for form in itertools.chain.from_iterable(forms)))

    differences = []
    accepted, refused = 0, 0
    for expression, plain in zip(expressions, forms, strict=True):
        errors = [answer.error for answer in itertools.islice(answers, len(plain)) if answer.error is not None]
        refusal = _refusal(expression)
        accepted, refused = accepted + (refusal is None), refused + (refusal is not None)
        if (refusal is None) != (not errors):
            asked = "" if plain == (expression,) else f" when asked for {' and '.join(map(repr, plain))}"
            says = f"CronJob says {errors[0] if errors else 'yes'}{asked}, ours says {refusal or 'yes'}"
            differences.append(f"{expression!r}: {says}")

    _fail_for(differences)
    assert min(accepted, refused) > 2_500


def test_ours_is_due_when_a_cronjob_is_where_no_clock_is_set() -> None:
    assert _instants_compared(_cases(STEADY)) > 50_000


def test_ours_is_due_when_a_cronjob_is_between_the_days_on_which_clocks_are_set() -> None:
    assert _instants_compared(_cases(CHANGING)) > 40_000


def test_what_never_fires_is_accepted_by_both_and_never_fires() -> None:
    answers = ask(Question(expression, count=1) for expression in NEVER)
    ours = [read_schedule({"schedule": expression}, 0, "default/x").next_after(0) for expression in NEVER]

    assert answers == [Answer(None, ())] * len(NEVER)
    assert ours == [None] * len(NEVER)


def test_ours_still_finds_what_lies_beyond_the_five_years_that_a_cronjob_looks_ahead() -> None:
    in_2095_s = year_begins_s(2096, "UTC") - 1
    case = Case("0 0 29 2 *", "UTC", in_2095_s * 1000, year_begins_s(2200, "UTC"))
    (answer,) = ask([case.question])
    (in_2096_s,) = answer.instants_s

    in_2104_ms = read_schedule({"schedule": case.expression}, 0, "default/x").next_after(in_2096_s * 1000)

    assert in_2104_ms is not None
    assert (year_of(in_2096_s, "UTC"), year_of(in_2104_ms // 1000, "UTC")) == (2096, 2104)
    assert _compared(case, answer) == 1


def test_the_interval_of_every_is_that_of_a_cronjob() -> None:
    # Only the interval: both count from their creation, which the parser does not know.
    source = Expressions(SEED)
    expressions = [*CORNERS, *(source.every() for _ in range(1_500))]
    start_s = 1_800_000_000
    answers = ask(Question(expression, "UTC", start_s, 2) for expression in expressions)

    differences = []
    compared = 0
    for expression, answer in zip(expressions, answers, strict=True):
        if not expression.startswith("@every") or not answer.accepted or _refusal(expression) is not None:
            continue
        theirs_s = [after - before for before, after in itertools.pairwise([start_s, *answer.instants_s])]
        instants_ms = [start_s * 1000, *itertools.islice(_due(expression, "UTC", start_s * 1000), 2)]
        ours_s = [(after - before) / 1000 for before, after in itertools.pairwise(instants_ms)]
        compared += 1
        if theirs_s != ours_s:
            differences.append(f"{expression!r}: {theirs_s} seconds apart for a CronJob, {ours_s} for us")

    _fail_for(differences)
    assert compared > 1_000


@cache
def _expressions() -> tuple[str, ...]:
    source = Expressions(SEED)
    ways = ((source.valid, 3_500), (source.extended, 1_500), (source.near_miss, 3_500))
    return tuple(dict.fromkeys([*CORNERS, *(way() for way, number in ways for _ in range(number))]))


@cache
def _accepted_by_both() -> tuple[str, ...]:
    answers = ask(Question(expression) for expression in _expressions())
    return tuple(
        expression
        for expression, answer in zip(_expressions(), answers, strict=True)
        if answer.accepted and _refusal(expression) is None
    )


def _cases(zones: tuple[str, ...]) -> Iterable[Case]:
    chance = random.Random(SEED)
    for expression in _accepted_by_both():
        if expression.startswith("@every") or expression in NEVER:  # which have tests of their own
            continue
        for zone in chance.sample(zones, STARTS):
            span = chance.choice(quiet_spans(zone))
            yield Case(expression, zone, _start_ms(span, chance), span.end_s)


def _start_ms(span: Span, chance: random.Random) -> int:
    start_s = chance.randrange(span.start_s, span.end_s)
    # Often at a round time, where something is due, and else within a second.
    round_s = start_s - start_s % chance.choice((60, 3_600, _DAY_S))
    if chance.random() < 0.5 and round_s >= span.start_s:
        return round_s * 1000
    return start_s * 1000 + chance.randrange(1000)


def _instants_compared(cases: Iterable[Case]) -> int:
    cases = list(cases)
    differences = []
    compared = 0
    for case, answer in zip(cases, ask(case.question for case in cases), strict=True):
        found = _compared(case, answer)
        if isinstance(found, str):
            differences.append(found)
        else:
            compared += found
    _fail_for(differences)
    return compared


def _compared(case: Case, answer: Answer) -> int | str:
    """Return how many instants of a case are the same on both sides, or in words how they differ."""
    until_s = case.until_s
    if len(answer.instants_s) < COUNT:
        begun_s = answer.instants_s[-1] if answer.instants_s else case.after_ms // 1000
        until_s = min(until_s, year_begins_s(year_of(begun_s + 1, case.zone) + _YEARS_SEARCHED + 1, case.zone))
    theirs_ms = [instant_s * 1000 for instant_s in answer.instants_s if instant_s < until_s]
    due_before_end = itertools.takewhile(
        lambda ms: ms < until_s * 1000, _due(case.expression, case.zone, case.after_ms)
    )
    ours_ms = list(itertools.islice(due_before_end, COUNT))
    if ours_ms == theirs_ms:
        return len(ours_ms)
    return f"{case.expression!r} in {case.zone} after {case.after_ms}:\n  CronJob {theirs_ms}\n  ours    {ours_ms}"


def _due(expression: str, zone: str, after_ms: int) -> Iterator[int]:
    """Yield when an expression of ours is due."""
    schedule = read_schedule({"schedule": expression, "timeZone": zone}, after_ms, "default/x")
    while (next_ms := schedule.next_after(after_ms)) is not None:
        yield next_ms
        after_ms = next_ms


def _refusal(expression: str) -> str | None:
    """Return why ours refuses an expression, or None where it does not."""
    try:
        read_schedule({"schedule": expression}, 0, "default/x")
    except SpecError as error:
        return error.message
    return None


def _fail_for(differences: list[str]) -> None:
    if differences:
        shown = "\n".join(differences[:_SHOWN])
        pytest.fail(f"{len(differences)} differences, the first of them:\n{shown}", pytrace=False)
