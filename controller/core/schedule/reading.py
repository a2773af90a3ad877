"""From a spec to its schedule: everybody who wants to know when a timer is due begins here."""

from typing import NamedTuple

from controller.core.instants import rfc3339
from controller.core.problems import SpecError, cut
from controller.core.reasons import Reason
from controller.core.schedule.compose import Union, Window
from controller.core.schedule.cron import Cron
from controller.core.schedule.days import day_of, days_of
from controller.core.schedule.exclusions import NOTHING_EXCLUDED, Dates, Exclusions, Minutes
from controller.core.schedule.expression import Expression, Interval, parse_expression, parse_minutes
from controller.core.schedule.fixed import Every, Once
from controller.core.schedule.occurrences import Schedule
from controller.core.schedule.thinned import Thinned
from controller.core.schedule.zones import DEFAULT_ZONE, Zone, zone_of
from controller.core.spec import Spec, date_at, duration_at, instant_at, objects_at, text_at

KINDS = ("schedule", "schedules", "at", "afterCreation", "every")
"""Exactly one of these fields says when."""

TIMING_FIELDS = (*KINDS, "timeZone", "startTime", "endTime", "jitter", "exclude")
"""All fields that say when."""

_ONCE = ("at", "afterCreation")
_SCHEDULES_LIMIT = 16
_EXCLUDE_LIMIT = 256
_EXCLUDE_CRON_LIMIT = 16
_LONGEST_JITTER_HOURS = 24
_SUMMARIZED = 3
_SUMMARY_SHOWN = 250
_SCHEDULES = '[{cron: "0 9 * * 1-5", timeZone: Europe/Berlin}]'
_EXCLUDE = '[{date: "2026-12-25"}, {from: "2026-12-24", to: "2027-01-01"}, {cron: "* * * * SAT,SUN"}]'


class CronText(NamedTuple):
    """An expression of a spec and its zone, not yet read, each with the path of its field."""

    where: str
    text: str
    zone_where: str
    zone: str


class Member(NamedTuple):
    """A schedule, and the zone whose wall clock it goes by."""

    schedule: Schedule
    zone: Zone


def kind_of(spec: Spec) -> str:
    """Which of KINDS a spec has; raises SpecError unless it is exactly one."""
    given = [kind for kind in KINDS if spec.get(kind) is not None]
    if len(given) != 1:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"spec has {' and '.join(given) or 'no schedule'}: exactly one of {', '.join(KINDS)} is needed, "
            'for example schedule: "30 6 * * 1-5"',
        )
    return given[0]


def read_schedule(spec: Spec, created_ms: int, owner: str) -> Schedule:
    """The schedule of a spec; raises SpecError. `owner` (namespace/name) decides what `H` means."""
    schedules = tuple(member.schedule for member in read_members(spec, created_ms, owner, read_exclusions(spec)))
    return schedules[0] if len(schedules) == 1 else Union(schedules)


def read_members(spec: Spec, created_ms: int, owner: str, exclusions: Exclusions) -> list[Member]:
    """The schedules that the one of a spec is the union of, without what is excluded; raises SpecError."""
    _check_company(spec, kind_of(spec))
    if (instant_ms := instant_at(spec, "at")) is not None:
        return [Member(Once(instant_ms), zone_of(DEFAULT_ZONE))]
    if (delay_ms := duration_at(spec, "afterCreation")) is not None:
        return [Member(Once(created_ms + delay_ms), zone_of(DEFAULT_ZONE))]
    start_ms, end_ms = instant_at(spec, "startTime"), instant_at(spec, "endTime")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"spec.endTime {spec['endTime']!r} is before spec.startTime {spec['startTime']!r}, and nothing lies "
            "between: make it later, or leave it out",
        )
    members = []
    for read, zone in _readings(spec, owner):
        schedule: Schedule
        if isinstance(read, Expression):
            times = tuple(sorted(read.second.plain)), read.minute.plain, read.hour.plain
            schedule = Cron(*times, days_of(read), zone, exclusions)
        else:
            schedule = Every(created_ms + read.interval_ms if start_ms is None else start_ms, read.interval_ms)
            schedule = Thinned(schedule, zone, exclusions) if exclusions else schedule
        bounded = start_ms is not None or end_ms is not None
        members.append(Member(Window(schedule, start_ms, end_ms) if bounded else schedule, zone))
    return members


def read_exclusions(spec: Spec) -> Exclusions:
    """What a spec excludes; raises SpecError."""
    entries = objects_at(spec, "exclude", _EXCLUDE_LIMIT, ("date", "from", "to", "cron"), _EXCLUDE)
    if not entries:
        return NOTHING_EXCLUDED
    read = tuple(_exclusion(entry, f"spec.exclude[{number}]") for number, entry in enumerate(entries))
    if (crons := sum(isinstance(entry, Minutes) for entry in read)) > _EXCLUDE_CRON_LIMIT:
        raise SpecError(
            Reason.INVALID_SPEC,
            f"spec.exclude has {crons} entries with cron: at most {_EXCLUDE_CRON_LIMIT} are accepted; use lists, "
            'for example "* 0-5,22,23 * * *"',
        )
    return Exclusions(read)


def cron_texts(spec: Spec) -> list[CronText]:
    """The expressions of `schedule` or `schedules`."""
    default = _default_zone(spec)
    if (text := text_at(spec, "schedule")) is not None:
        return [CronText("spec.schedule", text, "spec.timeZone", default)]
    entries = objects_at(spec, "schedules", _SCHEDULES_LIMIT, ("cron", "timeZone"), _SCHEDULES)
    if not entries:
        raise SpecError(Reason.INVALID_SPEC, f"spec.schedules is empty: write at least one, for example {_SCHEDULES}")
    texts = []
    for number, entry in enumerate(entries):
        where = f"spec.schedules[{number}]"
        text, own_zone = text_at(entry, "cron", where), text_at(entry, "timeZone", where)
        if text is None:
            raise SpecError(Reason.INVALID_SPEC, f"{where} has no cron: write one, for example {_SCHEDULES}")
        zone_where = "spec.timeZone" if own_zone is None else f"{where}.timeZone"
        texts.append(CronText(f"{where}.cron", text, zone_where, default if own_zone is None else own_zone))
    return texts


def jitter_of(spec: Spec) -> int:
    """Milliseconds of `jitter`, 0 for none; raises SpecError."""
    return duration_at(spec, "jitter", _LONGEST_JITTER_HOURS) or 0


def summary_of(spec: Spec) -> str:
    """When a valid spec is due, in the words of its author and in one line."""
    return " ".join(_summary(spec).split())


def _summary(spec: Spec) -> str:
    if (instant_ms := instant_at(spec, "at")) is not None:
        return f"at {rfc3339(instant_ms)}"
    if spec.get("afterCreation") is not None:
        return f"once, {spec['afterCreation']} after creation"
    if spec.get("every") is not None:
        return f"every {spec['every']}"
    if spec.get("schedule") is not None:
        return str(spec["schedule"])
    entries = [
        cut(entry["cron"], _SUMMARY_SHOWN) + (f" ({entry['timeZone']})" if entry.get("timeZone") else "")
        for entry in spec["schedules"]
    ]
    shown = entries[:_SUMMARIZED]
    if len(entries) > _SUMMARIZED:
        shown.append(f"and {len(entries) - _SUMMARIZED} more")
    return ", ".join(shown)


def remarks_on(spec: Spec, owner: str) -> list[str]:
    """What a valid spec says that surely means something else, a sentence each."""
    if kind_of(spec) in _ONCE:
        return []
    remarks = [remark for read, _ in _readings(spec, owner) for remark in read.remarks]
    for number, entry in enumerate(spec.get("exclude") or ()):
        if entry.get("cron") is not None:
            read = parse_minutes(entry["cron"], f"spec.exclude[{number}].cron")
            remarks += [f"in spec.exclude[{number}] {remark}" for remark in read.remarks]
    return remarks


def _readings(spec: Spec, owner: str) -> list[tuple[Expression | Interval, Zone]]:
    if (interval_ms := duration_at(spec, "every")) is not None:
        return [(Interval(interval_ms, ()), zone_of(_default_zone(spec)))]
    return [
        (parse_expression(cron.text, cron.where, owner), zone_of(cron.zone, cron.zone_where))
        for cron in cron_texts(spec)
    ]


def _default_zone(spec: Spec) -> str:
    zone = text_at(spec, "timeZone")
    return DEFAULT_ZONE if zone is None else zone


def _check_company(spec: Spec, kind: str) -> None:
    """Refuse fields that mean nothing beside this kind of schedule."""
    excluding = spec.get("exclude") is not None
    refused = ["startTime", "endTime", "exclude"] if kind in _ONCE else []
    if kind in _ONCE or (kind == "every" and not excluding):
        refused.append("timeZone")
    for field in refused:
        if spec.get(field) is not None:
            company = "schedule, schedules and every" + (" with exclude" if field == "timeZone" else "")
            raise SpecError(
                Reason.INVALID_SPEC, f"spec.{field} is accepted only beside {company}, not beside {kind}: remove it"
            )


def _exclusion(entry: Spec, where: str) -> Dates | Minutes:
    given = tuple(field for field in ("date", "from", "to", "cron") if entry.get(field) is not None)
    if given == ("cron",):
        text = text_at(entry, "cron", where) or ""
        read = parse_minutes(text, f"{where}.cron")
        return Minutes(f"{where} cron {text!r}", days_of(read), read.minute.plain, read.hour.plain)
    if given == ("date",):
        moment = date_at(entry, "date", where)
        assert moment is not None
        return Dates(f"{where} date {moment}", day_of(moment), day_of(moment))
    if given == ("from", "to"):
        first, last = date_at(entry, "from", where), date_at(entry, "to", where)
        assert first is not None
        assert last is not None
        if last < first:
            raise SpecError(
                Reason.INVALID_SPEC, f"{where} ends before it begins, from {first} to {last}: exchange the two"
            )
        return Dates(f"{where} from {first} to {last}", day_of(first), day_of(last))
    raise SpecError(
        Reason.INVALID_SPEC,
        f"{where} has {' and '.join(given) or 'nothing'}: needed is either date, or from and to, or cron, "
        f"for example {_EXCLUDE}",
    )
