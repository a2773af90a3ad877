"""Random cron expressions: of every syntactic kind that a CronJob has, of ours besides, and nearly of them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.oracle.corners import MACROS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Field:
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTH_NAMES), _Field(0, 6, _WEEKDAY_NAMES))
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4

_BAD_ITEMS = (
    "*/0 1/0 5-1 -5 5- - / */ /5 */-5 */x 1-2-3 1/2/3 */5/5 x 1.5 1_0 0x1 ++1 + ** *1 1* mond mon feb "
    "7 0 24 32 60 13 99999999999999999999 L LW 5L 5#2 5#6 H(9-5) 15W"
)
_ALPHABET = "0123456789*?,-/+ #LWHhabcefnostu@()._\t\u00a0\u200b\u001fſİı"


class Expressions:
    """An endless supply of random expressions. The same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def valid(self) -> str:
        """Return an expression that a CronJob accepts."""
        return self._weighted((90, self._five_fields), (3, lambda: self._one_of(MACROS)), (7, self.every))

    def extended(self) -> str:
        """Return an expression with what only we have: `L`, `LW`, `#`, `H`, a sixth field."""
        fields = [self._field(index) for index in range(len(_FIELDS))]
        with_seconds = self._chance(0.3)
        if with_seconds:
            fields.insert(0, self._field(0))
        for _ in range(self._random.randint(0 if with_seconds else 1, 2)):
            index = self._random.randrange(len(fields))
            field = len(_FIELDS) - len(fields) + index
            addition = self._addition(max(field, 0))
            fields[index] = addition if self._chance(0.6) else f"{fields[index]},{addition}"
        return self._spaced(fields)

    def near_miss(self) -> str:
        """Return an expression made invalid by one change, which now and then fails to make it so."""
        expression = self.extended() if self._chance(0.2) else self.valid()
        if expression.startswith("@"):
            return self._weighted(
                (1, lambda: self._other_case(expression)),
                (1, lambda: self._one_of((f" {expression}", f"{expression} ", f"{expression}\t", f"\n{expression}"))),
                (2, lambda: self._misspelt(expression)),
            )
        return self._weighted(
            (5, lambda: self._one_item_bad(expression)),
            (2, lambda: self._miscounted(expression)),
            (4, lambda: self._misspelt(expression)),
        )

    # Fields.

    def _five_fields(self) -> str:
        fields = [self._field(index) for index in range(len(_FIELDS))]
        if self._chance(0.3):
            # Both days restricted, or by a step: what decides between "and" and "or".
            fields[_DAY_OF_MONTH] = self._one_of(
                ("*/2", "*/1", "?/3", "1-31", "13", "1,15", "*,5", self._list(_FIELDS[_DAY_OF_MONTH]))
            )
            fields[_DAY_OF_WEEK] = self._one_of(
                ("*/2", "*/1", "?/3", "0-6", "fri", "1-5", "*,5", self._list(_FIELDS[_DAY_OF_WEEK]))
            )
        return self._spaced(fields)

    def _field(self, index: int) -> str:
        field = _FIELDS[index]
        return self._weighted(
            (35, lambda: "*"),
            (3, lambda: "?"),
            (60, lambda: self._list(field)),
            (1, lambda: self._one_of(("*-5", "?-x", "*-", "*-3/2", "*-9-9/1"))),
            (0.3, lambda: ","),
        )

    def _list(self, field: _Field) -> str:
        items = [self._item(field) for _ in range(self._one_of((1, 1, 1, 1, 2, 2, 3, 5)))]
        if self._chance(0.05):
            items.insert(self._random.randrange(len(items) + 1), "")
        return ",".join(items)

    def _item(self, field: _Field) -> str:
        low, high = sorted((self._number(field), self._number(field)))
        value, first, last = (self._written(number, field) for number in (high, low, high))
        step = self._step(field)
        return self._weighted(
            (40, lambda: value),
            (20, lambda: f"{first}-{last}"),
            (3, lambda: f"{value}-{value}"),
            (12, lambda: f"*/{step}"),
            (2, lambda: f"?/{step}"),
            (3, lambda: "*/1"),
            (8, lambda: f"{first}-{last}/{step}"),
            (2, lambda: f"{value}-{value}/{step}"),
            (7, lambda: f"{value}/{step}"),
            (2, lambda: "*"),
        )

    def _addition(self, index: int) -> str:
        field = _FIELDS[index]
        low, high = sorted((self._number(field), self._number(field)))
        kinds = ["H", "h", f"H/{self._step(field)}", f"H({low}-{high})", f"h({low}-{high})/{self._step(field)}"]
        if index == _DAY_OF_MONTH:
            kinds += ["L", "l", "LW", "lW"] * 2
        if index == _DAY_OF_WEEK:
            kinds += [f"{self._written(low, field)}#{self._random.randint(1, 5)}", f"{self._written(low, field)}L"] * 4
        return self._one_of(kinds)

    def _number(self, field: _Field) -> int:
        return self._random.choice((field.low, field.high, *[self._random.randint(field.low, field.high)] * 8))

    def _step(self, field: _Field) -> str:
        return self._one_of(("2", "3", "5", "10", "15", "+4", "07", str(field.high), str(field.high + 1), "1000"))

    def _written(self, number: int, field: _Field) -> str:
        if field.names and self._chance(0.5):
            return self._other_case(field.names[number - field.low])
        return self._weighted((95, lambda: str(number)), (3, lambda: f"+{number}"), (2, lambda: f"0{number}"))

    def _spaced(self, fields: list[str]) -> str:
        if self._chance(0.95):
            return " ".join(fields)
        gap = self._one_of(("  ", "\t", "\n", " \r\n ", "\v", "\f", "\u00a0", "\u2003"))
        return self._one_of(("", " ")) + gap.join(fields) + self._one_of(("", gap))

    # Durations.

    def every(self) -> str:
        """Return `@every` with a duration as Go writes them."""
        parts = [
            self._amount() + self._one_of(("h", "m", "s", "m", "s", "ms", "us", "µs", "ns"))
            for _ in range(self._random.randint(1, 3))
        ]
        return f"@every {self._one_of(('', '', '', '', '+', '-'))}{''.join(parts)}"

    def _amount(self) -> str:
        whole = str(self._random.randrange(10 ** self._random.randint(1, 3)))
        return self._weighted(
            (6, lambda: whole),
            (1, lambda: f"{whole}."),
            (1, lambda: f".{whole}"),
            (2, lambda: f"{whole}.{self._random.randrange(10_000)}"),
        )

    # Changes.

    def _one_item_bad(self, expression: str) -> str:
        fields = expression.split()
        index = self._random.randrange(len(fields))
        bounds = _FIELDS[max(0, index - len(fields) + len(_FIELDS))]
        items = fields[index].split(",")
        items[self._random.randrange(len(items))] = self._one_of(
            (
                *_BAD_ITEMS.split(),
                *[str(bounds.high + 1), str(bounds.low - 1), f"{bounds.high}-{bounds.low}", f"*/{bounds.high},0"] * 4,
            )
        )
        fields[index] = ",".join(items)
        return " ".join(fields)

    def _miscounted(self, expression: str) -> str:
        fields = expression.split()
        index = self._random.randrange(len(fields))
        change = self._random.randrange(3)
        if change == 0:
            del fields[index]
        elif change == 1:
            fields[index] += f" {self._field(0)}"
        else:
            fields = [*fields, *fields][: self._random.randrange(11)]
        return " ".join(fields)

    def _misspelt(self, expression: str) -> str:
        index = self._random.randrange(len(expression) + 1)
        letter = self._one_of(_ALPHABET)
        rest = expression[index:]
        return expression[:index] + self._one_of((rest[1:], letter + rest, letter + rest[1:], rest[:1] + rest))

    def _other_case(self, text: str) -> str:
        mixed = "".join(self._one_of((letter.lower(), letter.upper())) for letter in text)
        return self._one_of((text.upper(), text.capitalize(), text, mixed))

    # Chance.

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _one_of(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)

    def _weighted(self, *ways: tuple[float, Callable[[], str]]) -> str:
        (chosen,) = self._random.choices([way for _, way in ways], [weight for weight, _ in ways])
        return chosen()
