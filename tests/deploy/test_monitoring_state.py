"""deploy/kube-state-metrics.yaml, held against the CRD, and what comes of it for timers as there are."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from controller.core.instants import rfc3339
from controller.core.job import Outcome
from controller.core.reasons import Reason
from tests.deploy.chart import Object
from tests.deploy.manifests import CRDS
from tests.deploy.monitoring_state import RESERVED, Family, as_number, read_configuration, schema_at
from tests.unit.core.objects import CREATED_MS, HOUR_MS, MINUTE_MS, report, run, status_of, timer, timer_object

CRD: Object = yaml.safe_load(CRDS.read_text())
SCHEMA: Object = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
METADATA: Object = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "creationTimestamp": {"type": "string", "format": "date-time"},
        "generation": {"type": "integer"},
    },
}
WHOLE = {**SCHEMA, "properties": {**SCHEMA["properties"], "metadata": METADATA}}
ABOUT, FAMILIES = read_configuration()

of_family = pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])

SPEC = {
    "schedule": "0 * * * *",
    "timeZone": "Europe/Berlin",
    "jitter": "30s",
    "suspend": False,
    "concurrencyPolicy": "Forbid",
    "missedRunPolicy": "Latest",
    "guarantee": "Standard",
}
"""As the API server fills it in."""
FIRST_MS = CREATED_MS + HOUR_MS
HERE = {"namespace": "default", "redistimer": "nightly"}


def told(obj: Object, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """The samples of a metric, by their labels but for those that every one has."""
    (family,) = (family for family in FAMILIES if family.name == f"kube_redistimer_{name}")
    samples = family.samples(obj)
    assert all(labels.items() >= HERE.items() for labels, _ in samples)
    return {frozenset(labels.items() - HERE.items()): value for labels, value in samples}


def test_it_is_about_redistimers() -> None:
    names, (version,) = CRD["spec"]["names"], CRD["spec"]["versions"]
    assert {
        "group": CRD["spec"]["group"],
        "version": version["name"],
        "kind": names["kind"],
        "plural": names["plural"],
    } == ABOUT


@of_family
def test_every_path_leads_to_a_field_and_every_label_has_a_name_of_its_own(family: Family) -> None:
    assert wrong_paths(family) == []
    assert all(re.fullmatch("[a-z_]+", label) for label in family.all_labels)
    assert len(set(family.all_labels)) == len(family.all_labels)
    assert not RESERVED & set(family.all_labels)
    assert family.help.endswith(".")


def test_a_path_that_leads_nowhere_is_found() -> None:
    family = FAMILIES[0]
    assert wrong_paths(replace(family, path=("status", "nextTime"))) == ["status.nextTime", *family_labels(family)]
    assert wrong_paths(replace(family, labels={"a": ("spec", "zone")})) == ["spec.zone"]
    assert wrong_paths(replace(family, common={"a": ("metadata", "nom")})) == ["metadata.nom"]


def family_labels(family: Family) -> list[str]:
    """All of its labels, which are nowhere where its path is."""
    return [f"status.nextTime.{'.'.join(path)}" for path in family.labels.values()]


@of_family
def test_every_value_is_one_that_kube_state_metrics_can_read(family: Family) -> None:
    found = schema_at(WHOLE, (*family.path, *family.value_from))
    assert found is not None
    if family.kind == "Info":
        return
    if family.label_from_key:
        kinds = {(value["type"], value.get("format")) for value in found["properties"].values()}
    else:
        kinds = {(found["type"], found.get("format"))}
    numbers = {
        ("integer", None),
        ("integer", "int32"),
        ("integer", "int64"),
        ("boolean", None),
        ("string", "date-time"),
    }
    # True, False and Unknown are words that it knows.
    assert kinds <= numbers or set(found["enum"]) == {"True", "False", "Unknown"}


def test_a_timer_that_runs_well() -> None:
    its = timer(SPEC)
    runs = [run(FIRST_MS, Outcome.SUCCEEDED), run(FIRST_MS + HOUR_MS)]
    now_ms = FIRST_MS + HOUR_MS + MINUTE_MS
    obj = timer_object(SPEC, status=status_of(its, runs, [], now_ms))
    nothing: frozenset[tuple[str, str]] = frozenset()

    assert told(obj, "created") == {nothing: CREATED_MS / 1000}
    assert told(obj, "spec_suspend") == {nothing: 0}
    assert told(obj, "status_observed_generation") == told(obj, "metadata_generation") == {nothing: 1}
    assert told(obj, "status_next_schedule_time") == {nothing: (FIRST_MS + 2 * HOUR_MS) / 1000}
    assert told(obj, "status_last_schedule_time") == {nothing: (FIRST_MS + HOUR_MS) / 1000}
    assert told(obj, "status_last_successful_time") == {nothing: (FIRST_MS + MINUTE_MS) / 1000}
    assert told(obj, "status_last_failed_time") == {}
    assert told(obj, "status_active") == {nothing: 1}
    assert told(obj, "status_consecutive_failures") == {nothing: 0}
    assert told(obj, "status_runs") == _by("result", succeeded=1, failed=0, missed=0, skipped=0)
    condition = {"type": "Ready", "status": "True", "reason": "Scheduled"}
    assert told(obj, "status_condition") == {frozenset(condition.items()): 1}
    info = {
        "schedule": its.timing.summary if its.timing else "",
        "time_zone": "Europe/Berlin",
        "jitter": "30s",
        "concurrency_policy": "Forbid",
        "missed_run_policy": "Latest",
        "guarantee": "Standard",
    }
    assert told(obj, "info") == {frozenset(info.items()): 1}


def test_a_timer_that_stops_after_failures_and_misses_runs() -> None:
    spec = SPEC | {"maxConsecutiveFailures": 1}
    its = timer(spec)
    missed, refused = report(its, FIRST_MS), report(its, FIRST_MS + 2 * HOUR_MS, Reason.FORBIDDEN, message="no")
    runs = [run(FIRST_MS + HOUR_MS, Outcome.FAILED)]
    obj = timer_object(spec, status=status_of(its, runs, [missed, refused], FIRST_MS + 2 * HOUR_MS + MINUTE_MS))
    conditions = {
        dict(labels)["type"]: (dict(labels), value) for labels, value in told(obj, "status_condition").items()
    }
    assert conditions["Ready"] == ({"type": "Ready", "status": "False", "reason": "Forbidden"}, 0)
    assert conditions["Suspended"] == ({"type": "Suspended", "status": "True", "reason": "TooManyFailures"}, 1)
    assert told(obj, "status_runs") == _by("result", succeeded=0, failed=1, missed=1, skipped=0)
    assert told(obj, "status_next_schedule_time") == {}
    assert list(told(obj, "status_last_failed_time").values()) == [(FIRST_MS + HOUR_MS + MINUTE_MS) / 1000]
    assert list(told(obj, "status_last_missed_time").values()) == [FIRST_MS / 1000]


def test_a_timer_that_nobody_has_looked_at_yet_is_told_of() -> None:
    obj = timer_object(SPEC)
    assert {family.name.removeprefix("kube_redistimer_") for family in FAMILIES if family.samples(obj)} == {
        "info",
        "created",
        "spec_suspend",
        "metadata_generation",
    }


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("True", 1),
        ("False", 0),
        ("Unknown", 0),
        (True, 1),
        (7, 7),
        (rfc3339(1500), 1),
        ("2026-03-01T00:00:00Z", 1772323200),
    ],
)
def test_fields_become_numbers(value: Any, number: float) -> None:
    assert as_number(value) == number


def test_what_is_no_number_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="10m"):
        as_number("10m")


def wrong_paths(family: Family) -> list[str]:
    """Paths that lead to no field of a RedisTimer."""
    named = [family.path, *family.common.values(), *((*family.path, *path) for path in family.labels.values())]
    return [".".join(path) for path in named if schema_at(WHOLE, path) is None]


def _by(label: str, **values: float) -> dict[frozenset[tuple[str, str]], float]:
    return {frozenset({(label, name)}): value for name, value in values.items()}
