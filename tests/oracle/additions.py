"""What our dialect has besides that of a CronJob, as a few patterns that owe nothing to our parser."""

import re

# White space as Go has it: Python's includes four control characters more.
_FIELDS = re.compile(r"(?:\S|[\x1c-\x1f])+")

_HASHED = re.compile(r"H(?:\((?P<range>[0-9]+-[0-9]+)\))?(?P<step>/[0-9]+)?", re.IGNORECASE)
_LAST_DAY = re.compile(r"LW?", re.IGNORECASE)
_WEEKDAY_OF_MONTH = re.compile(r"(?P<day>[^-/*?]+)(?:#0*[1-5]|L)", re.IGNORECASE)


def plain_forms(expression: str) -> tuple[str, ...]:
    """Return expressions without additions: ours is valid exactly if a CronJob accepts all of these.

    Each addition is replaced by something plain that is valid if the addition is: `H(9-17)/2` by `9-17/2`, `L` by `1`,
    `FRI#2` by `FRI`. Six fields become twice five, as a second may be what a minute may be.
    """
    fields = _FIELDS.findall(expression)
    if len(fields) not in (5, 6) or expression.startswith("@"):
        return (expression,)
    day_of_month, day_of_week = len(fields) - 3, len(fields) - 1
    plain = []
    for index, field in enumerate(fields):
        items = field.split(",")
        plain.append(",".join(_plain(item, index == day_of_month, index == day_of_week) for item in items))
    if len(fields) == 5:
        return (expression,) if plain == fields else (" ".join(plain),)
    return (" ".join(plain[1:]), " ".join([plain[0], *plain[2:]]))


def _plain(item: str, is_day_of_month: bool, is_day_of_week: bool) -> str:
    if hashed := _HASHED.fullmatch(item):
        return (hashed["range"] or "*") + (hashed["step"] or "")
    if is_day_of_month and _LAST_DAY.fullmatch(item):
        return "1"
    if is_day_of_week and (nth_or_last := _WEEKDAY_OF_MONTH.fullmatch(item)):
        return nth_or_last["day"]
    return item
