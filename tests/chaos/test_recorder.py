"""What the audit log and the watches say becomes one record of each Job, whichever comes first or not at all."""

from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from tests.chaos.client import Admin
from tests.chaos.history import History, Job
from tests.chaos.occurrences import instant_ms
from tests.chaos.proxy import AGENT
from tests.chaos.recorder import Recorder, read_journals
from tests.chaos.timers import EDIT

NOMINAL = "2026-11-29T12:00:10.000Z"


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """One that nobody feeds but the test."""
    return Recorder(cast("Admin", None), tmp_path / "audit.log", History())


def job(uid: str = "job-1", version: int = 100, suspend: bool = False, finished: bool = False) -> dict[str, Any]:
    """A Job as the API server shows it."""
    metadata = {
        "namespace": "chaos-a",
        "name": f"timer-{uid}",
        "uid": uid,
        "resourceVersion": str(version),
        "ownerReferences": [{"kind": "RedisTimer", "uid": "timer-1"}],
        "annotations": {"redistimer.dev/scheduled-at": NOMINAL, EDIT: "3"},
    }
    conditions = [{"type": "Complete", "status": "True"}] if finished else []
    return {"metadata": metadata, "spec": {"suspend": suspend}, "status": {"conditions": conditions}}


def audited(recorder: Recorder, verb: str, obj: dict[str, Any], code: int = 201, uri: str = "/jobs") -> None:
    """Let the audit log say that a request was answered."""
    recorder._audited(
        {
            "verb": verb,
            "requestURI": uri,
            "requestReceivedTimestamp": "2026-11-29T12:00:10.020000Z",
            "stageTimestamp": "2026-11-29T12:00:10.035000Z",
            "responseStatus": {"code": code},
            "responseObject": obj,
            "userAgent": f"{AGENT}worker-2",
        }
    )


def only(recorder: Recorder) -> Job:
    """The one Job on record."""
    (found,) = recorder._jobs.values()
    return found


@pytest.mark.parametrize("audit_first", [True, False])
def test_audit_log_and_watch_make_one_record_in_either_order(recorder: Recorder, audit_first: bool) -> None:
    steps = [lambda: audited(recorder, "create", job()), lambda: recorder._job("ADDED", job())]
    for step in steps if audit_first else reversed(steps):
        step()
    found = only(recorder)
    assert (found.occurrence_ms, found.edit, found.timer_uid) == (instant_ms(NOMINAL), 3, "timer-1")
    assert (found.received_ms, found.answered_ms) == (instant_ms(NOMINAL) + 20, instant_ms(NOMINAL) + 35)
    assert found.creator == "worker-2"
    assert found.arrived_ms is not None
    assert found.created_rv == 100


def test_what_was_refused_or_only_tried_is_no_job(recorder: Recorder) -> None:
    audited(recorder, "create", job(), code=409)
    audited(recorder, "create", job(), uri="/jobs?dryRun=All")
    assert recorder._jobs == {}


def test_a_job_of_somebody_else_is_not_recorded(recorder: Recorder) -> None:
    other = job()
    other["metadata"]["ownerReferences"] = []
    recorder._job("ADDED", other)
    assert recorder._jobs == {}


def test_its_end_and_its_removal_are_kept_with_their_revisions(recorder: Recorder) -> None:
    recorder._job("ADDED", job())
    recorder._job("MODIFIED", job(version=110, finished=True))
    recorder._job("DELETED", job(version=120, finished=True))
    assert (only(recorder).finished_rv, only(recorder).removed_rv) == (110, 120)


def test_what_a_list_after_a_gap_does_not_show_has_been_removed(recorder: Recorder) -> None:
    recorder._job("ADDED", job())
    recorder._jobs_listed([job("job-2")])
    assert recorder._jobs["job-1"].removed_ms is not None
    assert recorder._jobs["job-2"].removed_ms is None


def test_a_job_born_suspended_runs_once_it_is_let_go(recorder: Recorder) -> None:
    recorder._job("ADDED", job(suspend=True))
    assert only(recorder).ran_ms is None
    audited(recorder, "patch", job(suspend=False), code=200)
    assert only(recorder).ran_ms == instant_ms(NOMINAL) + 35


def test_a_patch_whose_answer_has_no_spec_says_nothing(recorder: Recorder) -> None:
    recorder._job("ADDED", job(suspend=True))
    partial = job()
    del partial["spec"]
    audited(recorder, "patch", partial, code=200)
    assert only(recorder).ran_ms is None


def test_statuses_are_settled_once_they_know_of_every_run(recorder: Recorder) -> None:
    recorder._job("ADDED", job())
    until_ms = instant_ms(NOMINAL)
    assert recorder.unsettled(until_ms) == 1
    assert recorder.unsettled(until_ms - 1) == 0
    recorder._timer("MODIFIED", {"metadata": {"uid": "timer-1"}, "status": {"handledThrough": NOMINAL}})
    assert recorder.unsettled(until_ms) == 0


def test_the_journal_of_a_killed_process_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    struck = {"kind": "struck", "process": "worker-1", "point": "6 created", "deed": "SIGKILL", "at_ms": 5}
    (tmp_path / "worker-1.journal").write_bytes(orjson.dumps(struck) + b'\n{"kind": "confir')
    history = History()
    read_journals(tmp_path, history)
    assert [(fault.kind, fault.target) for fault in history.faults] == [("killed at: 6 created", "worker-1")]
