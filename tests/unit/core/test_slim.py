"""A timer without what only workers need: it has to read the same."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from controller.core.slim import read_page, slim
from controller.core.timer import TRIGGER_ANNOTATION, Timer, parse_timer
from tests.hostile.objects import NOW_MS, Object, timer_objects
from tests.unit.core.objects import spec_written_at, timer_object

HOURLY = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}}


def said(timer: Timer) -> tuple[Any, ...]:
    """All that a timer says, but for its template; what has no equality of its own by what it answers."""
    timing = timer.timing and (
        timer.timing.owner,
        timer.timing.jitter_ms,
        timer.timing.summary,
        timer.timing.remarks,
        timer.timing.due_after_ms(NOW_MS),
        timer.timing.schedule.last_until(NOW_MS),
    )
    return timer._replace(timing=None, problem=None, job_template={}), timing, str(timer.problem)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(obj=timer_objects)
def test_whatever_the_schema_lets_in_reads_the_same(obj: Object) -> None:
    assert said(parse_timer(orjson.loads(orjson.dumps(slim(obj))))) == said(parse_timer(obj))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(obj=timer_objects)
def test_whatever_the_schema_lets_in_reads_the_same_from_a_page(obj: Object) -> None:
    page = read_page(orjson.dumps({"kind": "RedisTimerList", "items": [obj], "metadata": {"continue": "on"}}))
    assert page["metadata"] == {"continue": "on"}
    assert [slim(one) for one in page["items"]] == [slim(obj)]


def test_of_a_page_only_what_is_kept_becomes_objects() -> None:
    obj = timer_object(HOURLY, managedFields=spec_written_at("2026-03-01T11:00:00Z"), labels={"a": "b"})
    (read,) = read_page(orjson.dumps({"items": [obj]}))["items"]
    assert "labels" not in read["metadata"]
    assert read["spec"] == {"schedule": "0 * * * *", "jobTemplate": {"spec": {}}}
    assert "containers" not in str(read)


@pytest.mark.parametrize(
    "wrong", [{"spec": {"jobTemplate": "text"}}, {"spec": ["a"]}, {"metadata": {"managedFields": "none"}}]
)
def test_an_object_that_the_schema_would_not_let_in_hides_no_other(wrong: Object) -> None:
    obj = timer_object(HOURLY)
    page = read_page(orjson.dumps({"items": [obj, wrong]}))
    assert page["items"] == [obj, wrong]


@pytest.mark.parametrize("depth", [5, 500])
def test_what_is_left_out_may_be_nested(depth: int) -> None:
    (read,) = read_page(b'{"items": [{"spec": {"jobTemplate": {"a": %b%b}}}]}' % (b"[" * depth, b"]" * depth))["items"]
    assert read == {"spec": {"jobTemplate": {}}}


def test_one_that_is_nested_without_end_hides_no_other() -> None:
    deep = b'{"spec": {"every": "1h", "jobTemplate": {"a": %b%b}}}' % (b"[" * 5_000, b"]" * 5_000)
    first, second = read_page(b'{"items": [%b, {"spec": {"every": "2h"}}]}' % deep)["items"]
    assert (first["spec"]["every"], second) == ("1h", {"spec": {"every": "2h"}})


def test_what_is_no_list_comes_out_as_it_is_and_what_is_no_json_is_an_error() -> None:
    assert read_page(b'["a"]') == ["a"]
    with pytest.raises(ValueError, match="unexpected"):
        read_page(b"<html>")


@pytest.mark.parametrize("suspended", [True, False])
def test_a_strict_timer_whose_jobs_are_born_suspended_keeps_its_problem(suspended: bool) -> None:
    spec = {**HOURLY, "guarantee": "Strict", "jobTemplate": {"spec": {"suspend": suspended, "template": {}}}}
    assert (parse_timer(slim(timer_object(spec))).problem is not None) == suspended


def test_what_nobody_needs_is_left_out() -> None:
    fields = spec_written_at("2026-03-01T11:00:00Z")
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", TRIGGER_ANNOTATION: "now"}
    slimmer = slim(timer_object(HOURLY, managedFields=fields, annotations=annotations, labels={"a": "b"}))
    assert slimmer["spec"] == {"schedule": "0 * * * *"}
    assert slimmer["metadata"]["annotations"] == {TRIGGER_ANNOTATION: "now"}
    assert "labels" not in slimmer["metadata"]
    assert "labeller" not in str(slimmer)


def test_the_object_itself_stays_as_it_is() -> None:
    obj = timer_object(HOURLY, managedFields=spec_written_at("2026-03-01T11:00:00Z"))
    before = orjson.dumps(obj)
    slim(obj)
    assert orjson.dumps(obj) == before
