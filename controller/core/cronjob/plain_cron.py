"""A cron expression as a CronJob can have it: five fields or a macro, without what only a RedisTimer knows."""

from controller.core.problems import SpecError, cut
from controller.core.reasons import Reason
from controller.core.schedule.expression import Expression, parse_expression
from controller.core.schedule.fields import DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, Field, parse_field

_FIELDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


def plain_expression(text: str, where: str, owner: str) -> str:
    """The same times in the words of a CronJob; raises SpecError where it has none for them.

    `H` becomes the values that it has for `owner` (namespace/name). What a CronJob understands stays as it is.
    """
    read = parse_expression(text, where, owner)
    if not isinstance(read, Expression):
        raise _refused(text, where, "a CronJob counts intervals from another creation: write a cron expression")
    if text.startswith("@"):
        return text
    parts = text.split()
    if len(parts) == 6:
        if read.second.plain != {0}:
            raise _refused(text, where, "a CronJob has no field for seconds: only the second 0 can be left out")
        parts = parts[1:]
    elif not any(item[0] in "Hh" for part in parts for item in _items(part)):
        parts = []
    for field, special in ((DAY_OF_MONTH, read.day_of_month.special), (DAY_OF_WEEK, read.day_of_week.special)):
        if special:
            raise _refused(text, where, f"a CronJob does not know L, LW, n#k and nL, which {field.name} has")
    if not parts:
        return text
    return " ".join(_written_out(part, field, owner) for part, field in zip(parts, _FIELDS, strict=True))


def _written_out(part: str, field: Field, owner: str) -> str:
    if not any(item[0] in "Hh" for item in _items(part)):
        return part
    return ",".join(_values(item, field, owner) if item[0] in "Hh" else item for item in _items(part))


def _items(part: str) -> list[str]:
    return [item for item in part.split(",") if item]


def _values(item: str, field: Field, owner: str) -> str:
    """What an item with `H` stands for: a value, or a range with a step."""
    values = sorted(parse_field(item, field, owner).plain)
    if len(values) == 1:
        return str(values[0])
    step = values[1] - values[0]
    return f"{values[0]}-{values[-1]}" + (f"/{step}" if step > 1 else "")


def _refused(text: str, where: str, why: str) -> SpecError:
    return SpecError(Reason.INVALID_SCHEDULE, f"{where} {cut(repr(text))}: {why}")
