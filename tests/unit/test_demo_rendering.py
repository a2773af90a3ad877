"""What the demo writes: rows of the live view, lines for a pipe, the summary."""

import io

import pytest
from rich.console import Console, RenderableType

from controller.core.identity import job_name
from controller.core.instants import from_ms
from controller.core.job import Outcome
from tests.demo.displays import Lines
from tests.demo.screen import ProcessView, job_rows, process_line, timer_rows, view
from tests.demo.story import JobStory, Story
from tests.demo.summary import notes, rows, summary, total_account, verdict
from tests.demo.timers import timers
from tests.demo.words import clock, exact_clock, last_line, printable, span
from tests.harness.accounts import Account
from tests.unit.test_demo_story import NOON, UID, ended_as, job_seen, timer_seen

PROCESSES = [ProcessView("controller", 11, None), ProcessView("worker-1", 12, -9)]


def a_story() -> Story:
    story = Story()
    story.see_timer(timer_seen())
    story.see_job(job_seen(5, lag_ms=12))
    story.see_job(job_seen(5, 1_500, "MODIFIED", **ended_as("Complete")))
    story.see_job(job_seen(10, lag_ms=8))
    story.see_job(job_seen(10, 20, "MODIFIED", active=1))
    story.jobs[0].output = "hello\nworld\n"
    return story


def drawn(shown: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_timer_row_tells_next_last_active_runs_and_lag() -> None:
    (row,) = timer_rows(a_story().timers, NOON + 11_800)

    assert row == ["every", "every 5s", "in 4 s", "12:00:10", "1", "2", "8 ms"]


def test_a_timer_row_tells_why_there_is_no_next_run() -> None:
    story = Story()
    story.see_timer(timer_seen(every=None, afterCreation="10s"))
    assert timer_rows(story.timers, NOON + 9_000)[0][2] == "in 1 s"
    assert timer_rows(story.timers, NOON + 10_000)[0][2] == "done"

    story.see_timer(timer_seen(NOON + 11_000, "MODIFIED", suspend=True))
    assert timer_rows(story.timers, NOON + 11_000)[0][2] == "suspended"

    story.see_timer(timer_seen(NOON + 12_000, "DELETED"))
    assert timer_rows(story.timers, NOON + 12_000)[0][2] == "deleted"


def test_a_job_row_tells_its_state_and_the_last_line_of_its_output() -> None:
    texts = [[cell.plain for cell in row] for row in job_rows(a_story().jobs, with_names=True)]

    assert texts == [
        ["12:00:05", "every", "succeeded", "12 ms", job_name("every", UID, NOON + 5_000), "world"],
        ["12:00:10", "every", "running", "8 ms", job_name("every", UID, NOON + 10_000), ""],
    ]


def test_the_process_line_tells_which_process_has_ended() -> None:
    assert process_line(PROCESSES).plain.startswith("pids: controller 11  worker-1 12  ended (-9)")


@pytest.mark.parametrize(("width", "height"), [(80, 20), (100, 31), (140, 12)])
def test_the_view_never_outgrows_the_terminal(width: int, height: int) -> None:
    story = a_story()
    for number in range(15, 500, 5):
        story.see_job(job_seen(number))
    story.jobs[-1].output = "a very long line " * 20

    lines = drawn(view(story, PROCESSES, "title", NOON, width, height), width)

    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "12:08:15" in lines[-1], "the latest Job is there"


def test_the_summary_has_a_line_for_each_timer_and_one_for_all() -> None:
    assert rows(a_story(), NOON + 9_000) == [
        ["every", "1", "1", "0", "0", "1", "0", "12 / 12 / 12"],
        ["total", "1", "1", "0", "0", "1", "0", "12 / 12 / 12"],
    ]


def test_the_summary_of_a_faultless_story_ends_well() -> None:
    text = "\n".join(drawn(summary(a_story(), NOON + 9_000), 120))

    assert "p50 12 ms, p99 12 ms, max 12 ms (n=1)" in text
    assert text.endswith("Of 1 due, 1 ran once and succeeded: none missed, none double, none early.")


def test_a_timer_of_which_nothing_was_due_is_explained() -> None:
    story = Story()
    story.see_timer(timer_seen(every=None, schedule="* * * * *"))

    assert notes(story.timers, NOON + 9_000) == [
        "Of every nothing was due before the end: its next occurrence would have been at 12:01:00 UTC."
    ]
    assert verdict(total_account(story, NOON + 9_000)) == (True, "Nothing was due.")

    story.see_timer(timer_seen(NOON + 1_000, "MODIFIED", suspend=True))
    assert notes(story.timers, NOON + 9_000) == ["Of every nothing was due before the end: it is suspended."]


def test_every_fault_is_named_in_the_verdict() -> None:
    well, sentence = verdict(Account(due=9, jobs=9, missed=1, double=2, unasked=3, failed=4, unfinished=5))

    assert not well
    assert sentence == (
        "Not all is well: 1 missed, 2 double, 3 before its time or not asked for, 4 failed, 5 not finished in time"
    )


def test_a_pipe_gets_one_plain_line_for_each_thing_that_happens(capsys: pytest.CaptureFixture[str]) -> None:
    lines, story = Lines(), Story()
    for seen in (job_seen(5), job_seen(5, 1_500, "MODIFIED", **ended_as("Failed"))):
        job = story.see_job(seen)
        assert isinstance(job, JobStory)
        lines.job(job)
    story.jobs[0].output = "one\n\n\x1b[31mtwo\n"
    lines.output(story.jobs[0])
    for _ in range(2):
        lines.tick(story, PROCESSES, "title", NOON + 7_001)

    name = story.jobs[0].run.name
    assert capsys.readouterr().out.splitlines() == [
        f"12:00:05.010  created    every           {name}  due 12:00:05, lag 10 ms",
        f"12:00:06.500  failed     every           {name}",
        f"12:00:06.500  output     every           {name}  one",
        f"12:00:06.500  output     every           {name}   [31mtwo",
        "12:00:07.001  worker-1 ended (exit code -9)",
    ]
    assert story.jobs[0].run.outcome is Outcome.FAILED


def test_the_output_of_a_job_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\tc\r") == "a [2Jb  c"
    assert last_line("first\n\x1b\n\n") == "first"
    assert last_line("") == ""


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (1, "1 s"),
        (59_001, "1 min"),
        (61_000, "1 min 1 s"),
        (3_600_000, "1 h"),
        (90_061_000, "1 d 1 h"),
    ],
)
def test_a_span_has_two_units_at_most(duration_ms: int, text: str) -> None:
    assert span(duration_ms) == text


def test_clocks_are_in_utc() -> None:
    assert clock(NOON + 61_007) == "12:01:01"
    assert exact_clock(NOON + 61_007) == "12:01:01.007"


@pytest.mark.parametrize("fraction_ms", [0, 1, 999])
def test_the_one_shot_is_due_on_a_whole_second_eight_to_nine_seconds_ahead(fraction_ms: int) -> None:
    now_ms = NOON + fraction_ms
    at = timers(now_ms)["once-at"]["at"]

    assert at == f"{from_ms(NOON + 9_000):%Y-%m-%dT%H:%M:%SZ}"
