"""`redistimer trigger`: what is asked for, what is waited for, and how that ends."""

import asyncio
from collections.abc import Callable

import pytest

from controller.cli.cluster import CommandError
from controller.cli.trigger import Answer, run_trigger, trigger
from controller.core.identity import manual_job_name
from controller.core.timer import TRIGGER_ANNOTATION
from controller.kube import paths
from controller.kube.errors import ApiError
from tests.unit.cli.stub_cluster import StubCluster, ready, timer_object
from tests.unit.kube.stub_api import CONFLICT, Request

REPORT = paths.timer("billing", "report")
REFUSED = ready("False", "QuotaExceeded", "The Job that was asked for by hand was refused: exceeded quota: jobs")


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.trigger._POLL_S", 0)


def asked(stub: StubCluster, request: str = "one", force: bool = False, timeout_s: float | None = 60) -> Answer:
    return asyncio.run(trigger(stub.cluster, "report", request, force, timeout_s))


def refusal(stub: StubCluster, request: str = "one", force: bool = False, timeout_s: float | None = 60) -> str:
    with pytest.raises(CommandError) as error:
        asked(stub, request, force, timeout_s)
    assert error.value.exit_code == 1
    return str(error.value)


def when_asked(stub: StubCluster, happens: Callable[[str], object], looks: int = 2) -> None:
    """Let this happen with the id of the request, once that has been looked at so many times."""
    seen = 0

    async def before(request: Request) -> None:
        nonlocal seen
        annotation = stub.timer()["metadata"].get("annotations", {}).get(TRIGGER_ANNOTATION)
        if annotation and request.method == "GET" and request.path == REPORT:
            seen += 1
            if seen == looks:
                happens(annotation)

    stub.before = before


def handle(stub: StubCluster) -> Callable[[str], object]:
    def handled(request: str) -> None:
        stub.run_by_hand(request)
        stub.set_status(lastHandledTrigger=request)

    return handled


def test_a_request_is_written_to_the_timer_and_its_job_is_told_once_status_says_that_it_is_handled() -> None:
    stub = StubCluster(timer_object())
    when_asked(stub, handle(stub))
    job = manual_job_name("report", stub.timer()["metadata"]["uid"], "one")
    assert asked(stub) == Answer("billing", "report", "one", job, "created")
    (patch,) = stub.made("PATCH")
    assert patch.path == REPORT
    assert patch.body["metadata"]["annotations"] == {TRIGGER_ANNOTATION: "one"}
    assert stub.timer()["metadata"]["generation"] == 1


def test_a_request_that_was_handled_before_is_not_made_again() -> None:
    stub = StubCluster(timer_object(status={"lastHandledTrigger": "two"}))
    job = stub.run_by_hand("one")
    assert asked(stub, "one") == Answer("billing", "report", "one", job, "handled")
    assert asked(stub, "two") == Answer("billing", "report", "two", None, "handled")
    assert stub.made("PATCH") == []


def test_a_request_that_is_asked_for_already_is_only_waited_for() -> None:
    stub = StubCluster(timer_object(annotations={TRIGGER_ANNOTATION: "one"}))
    when_asked(stub, handle(stub))
    assert asked(stub).outcome == "created"
    assert stub.made("PATCH") == []


def test_an_earlier_request_that_nobody_has_handled_is_not_replaced_unasked() -> None:
    stub = StubCluster(timer_object(annotations={TRIGGER_ANNOTATION: "first"}, status={"lastHandledTrigger": "zero"}))
    assert refusal(stub, "second").startswith("report was asked for a run before, with request first, which nobody has")
    assert stub.made("PATCH") == []
    when_asked(stub, handle(stub))
    assert asked(stub, "second", force=True).outcome == "created"


def test_an_earlier_request_that_is_handled_is_in_nobodys_way() -> None:
    stub = StubCluster(timer_object(annotations={TRIGGER_ANNOTATION: "first"}, status={"lastHandledTrigger": "first"}))
    assert asked(stub, "second", timeout_s=None).outcome == "asked"
    assert stub.timer()["metadata"]["annotations"] == {TRIGGER_ANNOTATION: "second"}


def test_a_request_that_somebody_writes_in_the_same_moment_is_seen() -> None:
    stub = StubCluster(timer_object())

    async def before(request: Request) -> None:
        if request.method == "PATCH" and "annotations" not in stub.timer()["metadata"]:
            stub.timer()["metadata"]["annotations"] = {TRIGGER_ANNOTATION: "theirs"}
            stub.put(REPORT, stub.timer())

    stub.before = before
    assert "with request theirs, which nobody has handled yet" in refusal(stub)
    assert stub.timer()["metadata"]["annotations"] == {TRIGGER_ANNOTATION: "theirs"}


def test_a_status_that_is_written_in_the_same_moment_is_no_obstacle() -> None:
    stub = StubCluster(timer_object())
    stub.fail("PATCH", REPORT, CONFLICT, CONFLICT)
    assert asked(stub, timeout_s=None).outcome == "asked"
    assert len(stub.made("PATCH")) == 3


def test_a_timer_that_is_being_deleted_runs_nothing() -> None:
    stub = StubCluster(timer_object(deletionTimestamp="2026-11-25T10:00:00Z"))
    assert refusal(stub) == "RedisTimer report in namespace billing is being deleted: nothing runs"


def test_a_request_that_nobody_handles_stays_and_where_to_look_is_told() -> None:
    message = refusal(StubCluster(timer_object()), timeout_s=0)
    assert message.startswith("nobody handled the request within 0s: it stays, and runs as soon as somebody does. ")
    assert "redistimer doctor finds out" in message
    assert message.endswith(
        "kubectl annotate redistimer report -n billing redistimer.dev/trigger- withdraws the request"
    )


def test_a_job_that_is_there_counts_although_status_is_late() -> None:
    stub = StubCluster(timer_object())
    when_asked(stub, stub.run_by_hand, looks=1)
    assert asked(stub, timeout_s=0.01).outcome == "created"


def test_a_request_that_is_skipped_has_no_job_and_the_one_in_its_way_is_named() -> None:
    stub = StubCluster(timer_object(spec={"concurrencyPolicy": "Forbid"}, status={"runs": {"skipped": 2}}))
    active = [{"name": "report-1"}, {"name": "report-2"}]
    when_asked(
        stub,
        lambda request: stub.set_status(lastHandledTrigger=request, runs={"skipped": 3}, active=active, activeCount=2),
    )
    assert refusal(stub) == (
        "report was skipped: concurrencyPolicy is Forbid, and an earlier Job is active: report-1, report-2"
    )


def test_a_job_that_is_removed_already_is_not_taken_for_a_skip() -> None:
    stub = StubCluster(timer_object(status={"runs": {"skipped": 2}}))
    when_asked(stub, lambda request: stub.set_status(lastHandledTrigger=request))
    assert "report ran, and its Job is removed already" in refusal(stub)


def test_a_job_that_the_api_server_refuses_is_told_with_the_reason() -> None:
    stub = StubCluster(timer_object(status={"conditions": [ready()]}))
    when_asked(stub, lambda _: stub.set_status(conditions=[REFUSED]))
    assert refusal(stub) == (
        "the Job of report was refused, and is tried again every ten seconds until it can be created: QuotaExceeded: "
        "The Job that was asked for by hand was refused: exceeded quota: jobs. kubectl annotate redistimer report "
        "-n billing redistimer.dev/trigger- withdraws the request"
    )


def test_a_refusal_of_before_is_not_taken_for_one_of_this_request() -> None:
    stub = StubCluster(timer_object(status={"conditions": [REFUSED]}))
    when_asked(stub, handle(stub), looks=4)
    assert asked(stub).outcome == "created"
    stub = StubCluster(timer_object(status={"conditions": [REFUSED]}))
    assert "Last was QuotaExceeded: " in refusal(stub, timeout_s=0)


def test_a_request_that_another_one_replaces_is_given_up() -> None:
    stub = StubCluster(timer_object())

    def replaced(_: str) -> None:
        stub.timer()["metadata"]["annotations"] = {TRIGGER_ANNOTATION: "theirs"}

    when_asked(stub, replaced)
    assert refusal(stub) == "request one was replaced by theirs in the meantime"


def test_who_may_not_see_jobs_is_told_its_name_all_the_same() -> None:
    stub = StubCluster(timer_object())
    job = manual_job_name("report", stub.timer()["metadata"]["uid"], "one")
    forbidden = ApiError(403, "Forbidden", "jobs is forbidden")
    stub.fail("GET", paths.job("billing", job), forbidden, forbidden, forbidden)
    when_asked(stub, lambda request: stub.set_status(lastHandledTrigger=request))
    assert asked(stub) == Answer("billing", "report", "one", job, "created")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: NAME"),
        (["report", "--id", ""], "--id: '' is not accepted: write 1 to 253 printable characters"),
        (["report", "--id", "a" * 254], "is not accepted"),
        (["report", "--timeout", "soon"], "--timeout: 'soon' is not a duration from 1s to 24h: "),
        (["report", "-o", "table"], "invalid choice: 'table'"),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_one_line_and_two(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_trigger(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.startswith("error: ")
    assert printed.err.endswith(" (redistimer trigger --help)\n")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_the_help_says_which_ids_are_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_trigger(["--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert "Only the last id that was handled, or one whose Job still exists, is remembered" in help_text
    assert "as long as that is the last id that was handled, or its Job exists" in help_text
