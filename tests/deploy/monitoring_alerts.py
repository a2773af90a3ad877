"""The alerts of the chart, and when they fire."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import promql_parser as promql
import yaml

from tests.deploy.chart import CHART
from tests.deploy.monitoring_promql import STEP_S, Database, Labels, evaluate

ALERTS = CHART / "files" / "alerts.yaml"
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule."""

    name: str
    group: str
    expression: str
    for_s: int
    labels: dict[str, str]
    annotations: dict[str, str]
    keys: set[str] = field(default_factory=set)
    """Everything that the rule says something about."""

    def fires(self, data: Database, minutes: int) -> dict[Labels, float]:
        """The labels that it fires for within so many minutes, and after how many it first did."""
        parsed = promql.parse(self.expression)
        since: dict[Labels, float] = {}
        first: dict[Labels, float] = {}
        for number in range(minutes * 60 // STEP_S + 1):
            at_s = float(number * STEP_S)
            value = evaluate(parsed, data, at_s)
            assert isinstance(value, dict), self.expression
            since = {labels: since.get(labels, at_s) for labels in value}
            for labels, began_s in since.items():
                if at_s - began_s >= self.for_s:
                    first.setdefault(labels, at_s / 60)
        return first


def read_alerts(rules: Any = None) -> list[Alert]:
    """Those of the file, or of what was rendered from it."""
    return list(_alerts(rules or yaml.safe_load(ALERTS.read_text())))


def _alerts(rules: Any) -> Iterator[Alert]:
    for group in rules["groups"]:
        for rule in group["rules"]:
            ((number, unit),) = re.findall(r"^(\d+)([smh])$", rule.get("for", "0s"))
            yield Alert(
                rule["alert"],
                group["name"],
                rule["expr"],
                int(number) * _UNITS[unit],
                rule["labels"],
                rule["annotations"],
                set(rule),
            )
