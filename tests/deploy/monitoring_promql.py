"""As much of PromQL as the alerts need, evaluated: whether a rule fires is then a matter of a test, not of opinion.

Like Prometheus but for one thing: `rate` and `increase` do not extrapolate to the ends of their range. What is not
known raises NotImplementedError, so that no rule is judged by half of what it says.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import promql_parser as promql

STEP_S = 30
"""How often is scraped, and rules are evaluated."""

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
"""Without names: nothing here joins what has two of them."""
Value = float | Vector
Course = Callable[[float], float | None]
"""The value of a series after so many minutes; None where nothing was scraped."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else math.nan,
}


@dataclass(slots=True)
class Database:
    """Series by name, and what was scraped of them."""

    series: dict[str, dict[Labels, Course]] = field(default_factory=dict)

    def add(self, name: str, course: Course | float, **labels: str) -> None:
        """A series with its course, or one value for all time; in the place of the one with these labels."""
        constant = course if callable(course) else lambda minute: course
        self.series.setdefault(name, {})[frozenset(labels.items())] = constant

    def instant(self, selector: promql.VectorSelector, at_s: float) -> Vector:
        """The newest values, where the series has not ended."""
        found: Vector = {}
        for labels, course in self._matching(selector):
            value = course(at_s // STEP_S * STEP_S / 60)
            if value is not None:
                found[labels] = value
        return found

    def range(self, selector: promql.MatrixSelector, at_s: float) -> dict[Labels, list[float]]:
        """All values within a range."""
        count = int(selector.range.total_seconds() // STEP_S)
        moments = [(at_s // STEP_S - number) * STEP_S / 60 for number in reversed(range(count))]
        return {
            labels: [value for minute in moments if minute >= 0 and (value := course(minute)) is not None]
            for labels, course in self._matching(selector.vector_selector)
        }

    def _matching(self, selector: promql.VectorSelector) -> Iterator[tuple[Labels, Course]]:
        if selector.offset or selector.at or selector.matchers.or_matchers:
            raise NotImplementedError(str(selector))
        for labels, course in self.series.get(selector.name or "", {}).items():
            if all(_matches(matcher, dict(labels)) for matcher in selector.matchers.matchers):
                yield labels, course


def _matches(matcher: promql.Matcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    if matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual):
        return (value == matcher.value) is bool(matcher.op == promql.MatchOp.Equal)
    return bool(re.fullmatch(matcher.value, value)) is bool(matcher.op == promql.MatchOp.Re)


def evaluate(expression: promql.Expr, data: Database, at_s: float) -> Value:
    """The value of an expression, so many seconds after the beginning."""
    match expression:
        case promql.NumberLiteral():
            return float(expression.val)
        case promql.ParenExpr():
            return evaluate(expression.expr, data, at_s)
        case promql.VectorSelector():
            return data.instant(expression, at_s)
        case promql.AggregateExpr():
            return _aggregate(expression, _vector(expression.expr, data, at_s))
        case promql.Call():
            return _call(expression, data, at_s)
        case promql.BinaryExpr():
            return _binary(expression, evaluate(expression.lhs, data, at_s), evaluate(expression.rhs, data, at_s))
    raise NotImplementedError(str(expression))


def _vector(expression: promql.Expr, data: Database, at_s: float) -> Vector:
    value = evaluate(expression, data, at_s)
    assert isinstance(value, dict), expression
    return value


def _call(call: promql.Call, data: Database, at_s: float) -> Value:
    arguments = call.args
    match call.func.name:
        case "time":
            return at_s
        case "absent":
            equal = (one for one in arguments[0].matchers.matchers if one.op == promql.MatchOp.Equal)
            return {} if _vector(arguments[0], data, at_s) else {frozenset((one.name, one.value) for one in equal): 1}
        case "histogram_quantile":
            return _quantiles(float(arguments[0].val), _vector(arguments[1], data, at_s))
        case "rate" | "increase" | "changes" as name:
            ranges, seconds = data.range(arguments[0], at_s), arguments[0].range.total_seconds()
            if name == "changes":
                return {key: sum(a != b for a, b in pairwise(values)) for key, values in ranges.items() if values}
            grown = {key: _increase(values) for key, values in ranges.items() if len(values) > 1}
            return grown if name == "increase" else {key: value / seconds for key, value in grown.items()}
        case name:
            raise NotImplementedError(name)


def _increase(values: list[float]) -> float:
    """A counter that is less than before has begun anew."""
    return sum(after if after < before else after - before for before, after in pairwise(values))


def _quantiles(quantile: float, buckets: Vector) -> Vector:
    histograms: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        edge = float(dict(labels)["le"])
        histograms.setdefault(frozenset(one for one in labels if one[0] != "le"), []).append((edge, count))
    return {labels: _quantile(quantile, sorted(histogram)) for labels, histogram in histograms.items()}


def _quantile(quantile: float, histogram: list[tuple[float, float]]) -> float:
    total = histogram[-1][1]
    if math.isinf(histogram[-1][0]) and total > 0:
        start, below = 0.0, 0.0
        for edge, count in histogram:
            if count >= quantile * total:
                return (
                    start if math.isinf(edge) else start + (edge - start) * (quantile * total - below) / (count - below)
                )
            start, below = edge, count
    return math.nan


def _aggregate(expression: promql.AggregateExpr, vector: Vector) -> Vector:
    modifier = expression.modifier
    kept = set(modifier.labels) if modifier else set()
    if expression.param is not None or (modifier and modifier.type != promql.AggModifierType.By):
        raise NotImplementedError(str(expression))
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        groups.setdefault(frozenset(one for one in labels if one[0] in kept), []).append(value)
    functions: dict[str, Callable[[list[float]], float]] = {
        "sum": sum,
        "group": lambda values: 1,
        # What is no number is taken only where there is none.
        "max": lambda values: max((value for value in values if not math.isnan(value)), default=math.nan),
        "min": lambda values: min((value for value in values if not math.isnan(value)), default=math.nan),
    }
    if (name := str(expression.op)) not in functions:
        raise NotImplementedError(name)
    return {labels: functions[name](values) for labels, values in groups.items()}


def _binary(expression: promql.BinaryExpr, left: Value, right: Value) -> Value:
    name = str(expression.op)
    if name in ("and", "or", "unless"):
        assert isinstance(left, dict), expression
        assert isinstance(right, dict), expression
        return _set_operation(name, left, right, _key(expression))
    modifier = expression.modifier
    if modifier and (
        modifier.return_bool or modifier.matching or modifier.card != promql.VectorMatchCardinality.OneToOne
    ):
        raise NotImplementedError(str(expression))
    if isinstance(left, float):
        if name in _COMPARISONS:
            raise NotImplementedError(str(expression))
        if isinstance(right, float):
            return _ARITHMETIC[name](left, right)
        return {labels: _ARITHMETIC[name](left, value) for labels, value in right.items()}
    pairs = [
        (labels, value, right if isinstance(right, float) else right[labels])
        for labels, value in left.items()
        if isinstance(right, float) or labels in right
    ]
    if name in _COMPARISONS:
        return {labels: a for labels, a, b in pairs if _COMPARISONS[name](a, b)}
    return {labels: _ARITHMETIC[name](a, b) for labels, a, b in pairs}


def _key(expression: promql.BinaryExpr) -> Callable[[Labels], Labels]:
    """What two vectors are matched by."""
    matching = expression.modifier.matching if expression.modifier else None
    if matching is None:
        return lambda labels: labels
    named, names = matching.type == promql.LabelModifierType.Include, set(matching.labels)
    return lambda labels: frozenset(one for one in labels if (one[0] in names) == named)


def _set_operation(name: str, left: Vector, right: Vector, key: Callable[[Labels], Labels]) -> Vector:
    here, there = set(map(key, left)), set(map(key, right))
    if name == "or":
        return left | {labels: value for labels, value in right.items() if key(labels) not in here}
    return {labels: value for labels, value in left.items() if (key(labels) in there) == (name == "and")}
