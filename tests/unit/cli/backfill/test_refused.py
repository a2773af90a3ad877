"""What is refused, in one line, and what the help says."""

from typing import Any

import pytest
from typer.testing import CliRunner

from controller.cli.app import app
from tests.unit.cli.backfill.running import FROM, IN_ORDER, NOW, SPAN, TO, backfill, instead_of_the_cluster
from tests.unit.cli.backfill.world import SPEC, TIMER, BackfillWorld
from tests.unit.kube.stub_api import NOT_FOUND


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (("--from", FROM, "--to", "2026-03-05T00:00:01Z"), "--to 2026-03-05T00:00:01Z is in the future: accepted is"),
        (("--from", TO, "--to", FROM), f"--from {TO} is not before --to {FROM}"),
        (("--from", FROM, "--to", FROM), "nothing lies between"),
        (
            ("--from", "1969-12-31T00:00:00Z", "--to", TO),
            "--from: '1969-12-31T00:00:00Z' is not an instant from 1970 to 2999",
        ),
        (("--from", FROM, "--to", "yesterday"), "--to: 'yesterday' is not an instant"),
        (("--from", "2026-02-01", "--to", TO), "--from: '2026-02-01' is not an instant"),
        (("--from", FROM), "the following arguments are required: --to"),
        ((*SPAN, "--limit", "0"), "--limit: '0' is not accepted: write a whole number from 1 to 100000"),
        ((*SPAN, "--max-concurrent", "1001"), "--max-concurrent: '1001' is not accepted"),
        ((*SPAN, "--yes", "--dry-run"), "not allowed with argument"),
    ],
    ids=str,
)
def test_a_wrong_command_line_ends_with_two_and_one_line(
    world: BackfillWorld, span: tuple[str, ...], words: str
) -> None:
    result = backfill(span=span)
    assert (result.exit_code, result.stdout, world.requests) == (2, "", [])
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("spec", "span", "words"),
    [
        ({"schedule": "61 * * * *"}, SPAN, "the spec of default/nightly cannot be used: spec.schedule '61 * * * *'"),
        (SPEC, (*SPAN, "--limit", "3"), f"has 4 nominal times from {FROM} to {TO}: at most 3 are accepted"),
        (
            {"schedule": "* * * * * *"},
            ("--from", "1970-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"),
            "has about 1767225600 nominal times from 1970-01-01T00:00:00Z to 2026-01-01T00:00:00Z: at most 1000 are",
        ),
        (
            {"at": "2026-03-04T23:59:59Z", "jitter": "24h"},
            ("--from", FROM, "--to", NOW),
            "the run of 2026-03-04T23:59:59Z is still to come, delayed by jitter until 2026-03-05T",
        ),
    ],
)
def test_what_cannot_be_backfilled_is_refused_in_one_line(
    spec: dict[str, Any], span: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = instead_of_the_cluster(BackfillWorld(spec), monkeypatch)
    result = backfill("--yes", span=span)
    assert (result.exit_code, result.stdout, world.created) == (1, "", [])
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_timer_that_is_being_deleted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of_the_cluster(BackfillWorld(deletionTimestamp=NOW), monkeypatch)
    assert backfill("--yes").stderr == "error: the timer default/nightly is being deleted\n"


def test_a_timer_that_is_not_there_is_told(world: BackfillWorld) -> None:
    world.fail("GET", TIMER, NOT_FOUND)
    result = backfill("--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: there is no RedisTimer nightly in namespace default")


def test_a_last_instant_that_is_now_is_accepted(world: BackfillWorld) -> None:
    assert backfill("--dry-run", span=("--from", "2026-03-04T00:00:00Z", "--to", NOW)).exit_code == IN_ORDER


def test_the_help_says_exactly_which_times_are_meant(world: BackfillWorld) -> None:
    result = CliRunner().invoke(app, ["backfill", "--help"])
    assert result.exit_code == 0
    assert "one for each nominal time T with\nFROM < T <= TO, oldest first" in result.output
    assert "  redistimer backfill report --from " in result.output
    assert "exit codes: 0 " in result.output
