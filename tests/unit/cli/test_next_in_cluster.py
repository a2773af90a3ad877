"""`redistimer next` without files: the timeline of a cluster, and timers by name."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import yaml

from controller.cli.cluster import Cluster, Where
from controller.cli.forecast.command import run_next
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.timing import read_timing
from tests.unit.cli.stub_cluster import StubCluster, ready, timer_object

START = ["--from", "2026-11-25T10:00:00Z"]

Reached = Callable[..., StubCluster]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch, in_utc: None) -> Reached:
    """Makes a cluster with these timers the one that is reached."""

    def reached(*timers: dict[str, object]) -> StubCluster:
        stub = StubCluster(*timers)

        @asynccontextmanager
        async def reach(where: Where) -> AsyncIterator[Cluster]:
            yield Cluster(stub, where.namespace or "billing")  # type: ignore[arg-type]

        monkeypatch.setattr("controller.cli.forecast.in_cluster.reach", reach)
        return stub

    return reached


def test_people_get_a_timeline_and_below_it_what_is_held_back(reached: Reached, capsys: Printed) -> None:
    reached(
        timer_object("report", spec={"timeZone": "Europe/Berlin"}),
        timer_object("paused", spec={"suspend": True}),
        timer_object("often", spec={"schedule": None, "every": "12h"}),
    )
    assert run_next(["-n", "3", *START]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  LOCAL TIME                      UTC                   IN      TIMER           SCHEDULE",
        "  Wed 2026-11-25 20:15:00 +00:00  2026-11-25T20:15:00Z  10h15m  billing/often   every 12h",
        "  Thu 2026-11-26 05:30:00 +00:00  2026-11-26T05:30:00Z  19h30m  billing/report  30 6 * * 1-5 (Europe/Berlin)",
        "  Thu 2026-11-26 08:15:00 +00:00  2026-11-26T08:15:00Z  22h15m  billing/often   every 12h",
        "",
        "not ready, or held back:",
        "  TIMER           REASON     MESSAGE",
        "  billing/paused  Suspended  spec.suspend is true.",
    ]


def test_what_jitter_adds_and_what_is_not_ready_is_noted(reached: Reached, capsys: Printed) -> None:
    refused = ready("False", "QuotaExceeded", "exceeded quota")
    reached(timer_object("report", spec={"jitter": "5m"}, status={"conditions": [refused]}))
    assert run_next(["-n", "1", *START]) == 1
    title, row, *_ = capsys.readouterr().out.splitlines()
    assert title.endswith("  NOTE")
    assert "  not ready: QuotaExceeded, " in row
    assert row.endswith(" of jitter")


def test_of_many_that_are_held_back_some_are_shown(reached: Reached, capsys: Printed) -> None:
    reached(*(timer_object(f"paused-{number:02}", spec={"suspend": True}) for number in range(25)))
    run_next(START)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  nothing is going to fire"
    assert lines[-2:] == [
        "  billing/paused-19  Suspended  spec.suspend is true.",
        "  ... and 5 more, which -o json shows",
    ]


def test_programs_get_a_line_for_each_timer_with_its_share_of_the_times(reached: Reached, capsys: Printed) -> None:
    timers = [
        timer_object("report"),
        timer_object("paused", spec={"suspend": True}),
        timer_object("often", spec={"schedule": None, "every": "12h"}),
    ]
    expected = [
        {"namespace": "billing", "name": "often", "next": ["2026-11-25T20:15:00Z", "2026-11-26T08:15:00Z"]},
        {"namespace": "billing", "name": "report", "next": ["2026-11-26T06:30:00Z"]},
        {
            "namespace": "billing",
            "name": "paused",
            "next": [],
            "reason": "Suspended",
            "message": "spec.suspend is true.",
            "suspended": True,
        },
    ]
    reached(*timers)
    assert run_next(["-n", "3", "-o", "json", *START]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == expected
    assert run_next(["-n", "3", "-o", "yaml", *START]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ([], "/apis/redistimer.dev/v1alpha1/namespaces/billing/redistimers"),
        (["--namespace", "default"], "/apis/redistimer.dev/v1alpha1/namespaces/default/redistimers"),
        (["-A"], "/apis/redistimer.dev/v1alpha1/redistimers"),
    ],
    ids=str,
)
def test_timers_are_looked_for_where_the_flags_say(arguments: list[str], path: str, reached: Reached) -> None:
    stub = reached()
    assert run_next([*arguments, "-l", "a=b"]) == 0
    assert [(request.path, request.parameters) for request in stub.requests] == [(path, {"labelSelector": "a=b"})]


def test_no_timer_at_all_is_said_and_is_no_error(reached: Reached, capsys: Printed) -> None:
    reached()
    for arguments in ([], ["-A"], ["-l", "a=b"], ["-o", "json"]):
        assert run_next(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "no RedisTimer in namespace billing (-A looks in all)",
        "no RedisTimer in this cluster",
        "no RedisTimer in namespace billing (-A looks in all) matches a=b",
        "no RedisTimer in namespace billing (-A looks in all)",
    ]
    assert printed.out == ""


def test_a_timer_by_name_is_told_as_one_in_a_file_would_be(reached: Reached, capsys: Printed) -> None:
    spec = {"timeZone": "Europe/Berlin", "exclude": [{"date": "2026-11-26"}]}
    reached(timer_object(spec=spec), timer_object("other"))
    assert run_next(["report", "-n", "1", *START]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "billing/report  30 6 * * 1-5  Europe/Berlin",
        "  LOCAL TIME                      UTC                   IN     NOTE",
        "  Thu 2026-11-26 06:30:00 +01:00  2026-11-26T05:30:00Z         left out by spec.exclude[0] date 2026-11-26",
        "  Fri 2026-11-27 06:30:00 +01:00  2026-11-27T05:30:00Z  1d19h",
        "",
    ]


def test_a_timer_by_name_begins_after_what_is_handled(reached: Reached, capsys: Printed) -> None:
    reached(timer_object(status={"observedGeneration": 1, "handledThrough": "2026-11-26T06:30:00Z"}))
    run_next(["report", "-n", "1", "-o", "json", *START])
    assert json.loads(capsys.readouterr().out)["next"] == ["2026-11-27T06:30:00Z"]


def test_a_timer_by_name_that_stopped_after_too_many_failures_says_so(reached: Reached, capsys: Printed) -> None:
    stopped = ready("True", "TooManyFailures", "3 runs in a row failed: nothing fires.", type="Suspended")
    status = {"observedGeneration": 1, "consecutiveFailures": 3, "conditions": [ready(), stopped]}
    reached(timer_object(spec={"maxConsecutiveFailures": 3}, status=status))
    assert run_next(["report", *START]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "billing/report  30 6 * * 1-5",
        "  warning: TooManyFailures: 3 runs in a row failed: nothing fires.",
        "",
    ]
    run_next(["report", "-o", "json", *START])
    told = json.loads(capsys.readouterr().out)
    assert told["next"] == []
    assert told["reason"] == "TooManyFailures"


def test_a_timer_by_name_whose_spec_is_bad_is_an_error_like_one_in_a_file(reached: Reached, capsys: Printed) -> None:
    reached(timer_object(), timer_object("bad", spec={"schedule": "61 * * * *"}))
    assert run_next(["report", "bad", "-n", "1", "-o", "json", *START]) == 1
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert good["next"] == ["2026-11-26T06:30:00Z"]
    assert bad.keys() == {"name", "error"}


def test_a_name_that_is_not_there_is_an_error_after_the_others_are_printed(reached: Reached, capsys: Printed) -> None:
    reached(timer_object())
    assert run_next(["reprot", "report", "nope", "-o", "json", *START]) == 1
    printed = capsys.readouterr()
    assert [json.loads(line)["name"] for line in printed.out.splitlines()] == ["report"]
    assert printed.err.splitlines() == [
        "error: there is no RedisTimer reprot in namespace billing: did you mean report?",
        "error: there is no RedisTimer nope in namespace billing: kubectl get redistimers -n billing lists those there",
    ]


@pytest.mark.parametrize("arguments", [[], ["report"]], ids=["all", "named"])
@pytest.mark.parametrize(
    "timer",
    [
        timer_object(spec={"schedule": "61 * * * *"}),
        timer_object(spec={"suspend": True}, status={"conditions": [ready("False", "InvalidTemplate", "no image")]}),
        timer_object(status={"conditions": [ready("False", "QuotaExceeded", "exceeded quota")]}),
    ],
    ids=["spec", "template", "refused"],
)
def test_a_timer_that_is_not_ready_ends_it_with_one(
    arguments: list[str], timer: dict[str, object], reached: Reached, capsys: Printed
) -> None:
    reached(timer, timer_object("good"))
    for output in ("table", "json", "yaml"):
        assert run_next([*arguments, "-o", output, *START]) == 1
    assert "error: " not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["report"]], ids=["all", "named"])
@pytest.mark.parametrize(
    "timer",
    [
        timer_object(spec={"suspend": True}),
        timer_object(
            spec={"maxConsecutiveFailures": 3},
            status={
                "observedGeneration": 1,
                "consecutiveFailures": 3,
                "conditions": [ready(), ready("True", "TooManyFailures", type="Suspended")],
            },
        ),
        timer_object(
            spec={"schedule": None, "at": "2026-11-24T10:00:00Z"},
            status={
                "observedGeneration": 1,
                "conditions": [ready("True", "Complete"), ready("True", "Complete", type="Complete")],
            },
        ),
    ],
    ids=["suspended", "stopped", "complete"],
)
def test_a_timer_that_waits_or_is_done_is_no_reason_to_end_with_one(
    arguments: list[str], timer: dict[str, object], reached: Reached
) -> None:
    reached(timer)
    assert run_next([*arguments, *START]) == 0


@pytest.mark.parametrize("arguments", [[], ["report"]], ids=["all", "named"])
def test_programs_are_told_when_a_timer_with_jitter_fires(
    arguments: list[str], reached: Reached, capsys: Printed
) -> None:
    timer = timer_object(spec={"jitter": "5m"})
    reached(timer)
    run_next([*arguments, "-n", "2", "-o", "json", *START])
    told = json.loads(capsys.readouterr().out)
    timing = read_timing(timer["spec"], 0, "billing/report")
    assert told["next"] == ["2026-11-26T06:30:00Z", "2026-11-27T06:30:00Z"]
    assert told["firesAt"] == [rfc3339(timing.due_ms(parse_rfc3339(time))) for time in told["next"]]
    assert told["firesAt"] != told["next"]


def test_both_tables_tell_jitter_in_the_same_words(reached: Reached, capsys: Printed) -> None:
    reached(timer_object(spec={"jitter": "5m"}))
    run_next(["-n", "1", *START])
    _, of_all = capsys.readouterr().out.splitlines()
    run_next(["report", "-n", "1", *START])
    named = capsys.readouterr().out.splitlines()[2]
    assert of_all.split()[:6] == named.split()[:6]
    assert of_all.split()[-3:] == named.split()[-3:]
    assert named.endswith(" of jitter")


@pytest.mark.parametrize(
    "name",
    [
        *("rt/report", "redistimer/report", "redistimers/report", "redistimer.redistimer.dev/report"),
        *("redistimers.redistimer.dev/report", "redistimers.v1alpha1.redistimer.dev/report", "RedisTimer/report"),
    ],
)
def test_a_name_may_be_given_as_kubectl_prints_it(name: str, reached: Reached, capsys: Printed) -> None:
    reached(timer_object())
    assert run_next([name, "-o", "json", *START]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "report"
