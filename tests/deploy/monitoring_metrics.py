"""Which metrics there are, with which labels and values: of the code's registries, and of kube-state-metrics."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from controller.core.policy import Concurrency, Guarantee, MissedRuns
from controller.core.reasons import CREATE_PROBLEMS, Reason
from controller.observe import metrics
from controller.reconcile.table import Table
from tests.cluster.stack import CHECKOUT
from tests.deploy.monitoring_state import read_configuration

_SCRIPTS = CHECKOUT / "controller" / "index" / "scripts"

Values = frozenset[str] | None
"""Of a label: all that there can be; None where nobody can say."""


@dataclass(frozen=True, slots=True)
class Known:
    """One metric."""

    name: str
    """As docs call it: of a histogram without _bucket, of a counter with _total."""
    kind: str
    roles: tuple[str, ...]
    help: str
    labels: Mapping[str, Values]

    @property
    def samples(self) -> list[str]:
        """Names that can be asked for."""
        parts = ("_bucket", "_count", "_sum") if self.kind == "histogram" else ("",)
        return [self.name + part for part in parts]

    def labels_of(self, sample: str) -> dict[str, Values]:
        """The labels of a sample, without those that Prometheus adds."""
        return {**self.labels, **({"le": None} if sample.endswith("_bucket") else {})}


@cache
def known_metrics() -> tuple[Known, ...]:
    """Those of the code, in its order."""
    of_role = {"worker": _collectors(metrics.WORKER), "controller": _collectors(metrics.CONTROLLER)}
    found: dict[str, Known] = {}
    for collectors in of_role.values():
        for name, collector in collectors.items():
            roles = tuple(role for role, others in of_role.items() if name in others)
            (family,) = collector.describe()
            kind = "info" if name.endswith("_build") else str(family.type)
            full = name + {"counter": "_total", "info": "_info"}.get(kind, "")
            found[full] = Known(full, kind, roles, family.documentation, _labels(collector, full))
    return tuple(found.values())


@cache
def timer_metrics() -> tuple[Known, ...]:
    """Those that kube-state-metrics makes of RedisTimers."""
    _, families = read_configuration()
    values = {
        "result": frozenset(said_in("core/status.py", r'_count\(old, "(\w+)"')),
        "type": frozenset(said_in("core/conditions.py", r'_condition\(timer, "(\w+)"')),
        "status": frozenset({"True", "False", "Unknown"}),
        "reason": frozenset(Reason),
        "concurrency_policy": frozenset(Concurrency),
        "missed_run_policy": frozenset(MissedRuns),
        "guarantee": frozenset(Guarantee),
    }
    return tuple(
        Known(
            family.name,
            "gauge",
            ("kube-state-metrics",),
            family.help,
            {label: values.get(label) for label in family.all_labels},
        )
        for family in families
    )


def _collectors(registry: CollectorRegistry) -> dict[str, MetricWrapperBase]:
    found = {}
    for collector in registry._collector_to_names:
        if not isinstance(collector, ProcessCollector):
            assert isinstance(collector, MetricWrapperBase)
            found[collector._name] = collector
    return found


def _labels(collector: MetricWrapperBase, name: str) -> dict[str, Values]:
    if name == "redistimer_build_info":
        return {"version": None, "python": None}
    return {label: _values(name, label) for label in collector._labelnames}


def _values(name: str, label: str) -> Values:
    match name, label:
        case "redistimer_fires_total", "result":
            return said_of("FIRES") | {"created", "found"} | _verdicts() | set(CREATE_PROBLEMS)
        case "redistimer_rebuilds_total", "result":
            return said_of("REBUILDS")
        case "redistimer_status_writes_total", "result":
            return said_of("STATUS_WRITES")
        case "redistimer_events_total", "result":
            return said_of("EVENTS")
        case "redistimer_known", "kind":
            return frozenset({*Table(1).sizes(), "events"})
        case "redistimer_namespace_in_reach", "served_namespace":
            return None
        case _, "script":
            return frozenset(path.stem for path in _SCRIPTS.glob("[a-z]*.lua"))
        case _, "method":
            return frozenset(said_in("kube/api.py", r'_request\(\s*"([A-Z]+)"'))
        case _, "status":
            return frozenset(map(str, [0, *range(100, 600)]))
    raise AssertionError(f"say which values {name} has for {label}")


def _verdicts() -> frozenset[str]:
    """What confirm.lua can say, but for ok, and what a worker says itself instead of ok."""
    return frozenset(re.findall(r"return '(\w+)'", (_SCRIPTS / "confirm.lua").read_text())) - {"ok"} | {"unsafe"}


def said_of(metric: str) -> frozenset[str]:
    """The label values that the code writes out where it counts."""
    return frozenset(word for _, words in label_arguments(metric) for word in words)


@cache
def label_arguments(metric: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """What is given to `metrics.METRIC.labels(...)` anywhere in the code: the source of it, and the words in that."""
    found = []
    for path in sorted((CHECKOUT / "controller").rglob("*.py")):
        text = path.read_text()
        # Cheaper than to parse all of it.
        if f"metrics.{metric}.labels(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"metrics.{metric}.labels":
                found += [(ast.unparse(argument), _words(argument)) for argument in node.args]
    return tuple(found)


def _words(expression: ast.expr) -> frozenset[str]:
    constants = (node.value for node in ast.walk(expression) if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def said_in(path: str, pattern: str) -> list[str]:
    """What a pattern finds in a file of the code."""
    return re.findall(pattern, (CHECKOUT / "controller" / path).read_text())
