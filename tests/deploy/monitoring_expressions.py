"""What a PromQL expression asks for, held against the metrics that there are."""

import re
from collections.abc import Iterable, Iterator

import promql_parser as promql

from tests.deploy.monitoring_metrics import Known, known_metrics, timer_metrics

FROM_PROMETHEUS = {"cluster", "namespace", "job", "instance", "pod"}
"""Labels of whatever is scraped."""


def problems_of(text: str) -> list[str]:
    """What is wrong with an expression: syntax, metrics, labels and values that there are not."""
    try:
        expression = promql.parse(text)
    except ValueError as error:
        return [str(error)]
    return list(_problems(expression))


def metrics_in(text: str) -> set[str]:
    """The metrics that an expression asks for, as docs call them."""
    samples = _samples()
    return {samples[one.name].name for one in selectors_in(promql.parse(text)) if one.name in samples}


def selectors_in(expression: promql.Expr) -> Iterator[promql.VectorSelector]:
    """All selectors, those of ranges included."""
    if isinstance(expression, promql.VectorSelector):
        yield expression
    for child in _children(expression):
        yield from selectors_in(child)


def labels_of(expression: promql.Expr) -> set[str]:
    """The labels that samples of these metrics can have."""
    known = [_samples().get(one.name or "") for one in selectors_in(expression)]
    return FROM_PROMETHEUS.union(*(one.labels for one in known if one), {"le"})


def labels_left(expression: promql.Expr) -> set[str]:
    """Of these, those that the result can have."""
    if isinstance(expression, promql.Call) and expression.func.name == "histogram_quantile":
        return labels_left(expression.args[1]) - {"le"}
    if isinstance(expression, promql.AggregateExpr):
        return set(expression.modifier.labels) if expression.modifier else set()
    return labels_of(expression)


def _problems(expression: promql.Expr) -> Iterator[str]:
    if isinstance(expression, promql.VectorSelector):
        yield from _problems_of_selector(expression)
    modifier = getattr(expression, "modifier", None)
    named = getattr(modifier, "labels", None) or getattr(getattr(modifier, "matching", None), "labels", [])
    for label in set(named) - labels_of(expression):
        yield f"nothing in {expression} has a label {label}"
    for child in _children(expression):
        yield from _problems(child)


def _problems_of_selector(selector: promql.VectorSelector) -> Iterator[str]:
    known = _samples().get(selector.name or "")
    if known is None:
        yield f"there is no metric {selector.name}"
        return
    labels = known.labels_of(selector.name or "")
    for matcher in selector.matchers.matchers:
        if matcher.name in FROM_PROMETHEUS:
            continue
        if matcher.name not in labels:
            yield f"{selector.name} has no label {matcher.name}"
        elif (values := labels[matcher.name]) is not None:
            # An alternative that matches nothing is a typo, although the others match something.
            for word in matcher.value.split("|"):
                if not any(re.fullmatch(word, value) for value in values):
                    yield f"{matcher.name} of {selector.name} is never {word}"


def _children(expression: promql.Expr) -> Iterable[promql.Expr]:
    match expression:
        case promql.BinaryExpr():
            return [expression.lhs, expression.rhs]
        case promql.Call():
            return list(expression.args)
        case promql.MatrixSelector():
            return [expression.vector_selector]
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return [expression.expr]
    return []


def _samples() -> dict[str, Known]:
    return {sample: known for known in known_metrics() + timer_metrics() for sample in known.samples}
