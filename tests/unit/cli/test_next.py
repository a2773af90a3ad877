"""`redistimer next -f`: what it prints for people and for programs, and how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from controller.cli.app import app
from controller.core.instants import parse_rfc3339, rfc3339
from controller.core.timing import read_timing

START = "2026-11-25T10:19:58Z"

GOOD = {"schedule": "30 6 * * 1-5", "timeZone": "Europe/Berlin"}


def fires_at(owner: str, *times: str) -> list[str]:
    """When these nominal times fire, with five minutes of jitter."""
    timing = read_timing(GOOD | {"jitter": "5m"}, 0, owner)
    return [rfc3339(timing.due_ms(parse_rfc3339(time))) for time in times]


def manifest(spec: Any, name: str = "report", kind: str = "RedisTimer", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1" if kind == "CronJob" else "redistimer.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def next_of(*documents: dict[str, Any], options: str = "", start: str = START) -> Result:
    """Run it with these documents on standard input."""
    text = yaml.safe_dump_all(documents)
    return CliRunner().invoke(app, ["next", "-f", "-", "--from", start, *options.split()], input=text)


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def rows_of(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("  ") and "LOCAL TIME" not in line]


def test_programs_get_a_line_for_each_manifest_with_nominal_times_in_utc() -> None:
    result = next_of(
        manifest(GOOD | {"jitter": "5m"}, namespace="billing"),
        manifest({"schedule": "0 0 1 1 *"}, name="yearly", kind="CronJob"),
        options="-n 2 -o json",
    )
    assert result.exit_code == 0
    assert lines_of(result) == [
        {
            "namespace": "billing",
            "name": "report",
            "next": ["2026-11-26T05:30:00Z", "2026-11-27T05:30:00Z"],
            "firesAt": fires_at("billing/report", "2026-11-26T05:30:00Z", "2026-11-27T05:30:00Z"),
        },
        {"namespace": "default", "name": "yearly", "next": ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]},
    ]


def test_a_bad_manifest_has_a_line_of_its_own_and_the_others_are_told_all_the_same() -> None:
    result = next_of(
        manifest({"schedule": "61 * * * *"}, name="bad"), manifest(GOOD, name="good"), options="-n 1 -o json"
    )
    bad, good = lines_of(result)
    assert result.exit_code == 1
    assert bad.keys() == {"name", "error"}
    assert bad["name"] == "bad"
    assert bad["error"].startswith("spec.schedule '61 * * * *' is not a cron expression: minute '61' is out of range")
    assert good["next"] == ["2026-11-26T05:30:00Z"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"at": "2026-11-25T11:00:00+01:00"}, []),
        ({"at": "2027-01-01T00:00:00+01:00"}, ["2026-12-31T23:00:00Z"]),
        ({"afterCreation": "10m"}, ["2026-11-25T10:29:58Z"]),
        ({"every": "1h"}, ["2026-11-25T11:19:58Z", "2026-11-25T12:19:58Z"]),
        ({"schedule": "@every 90s"}, ["2026-11-25T10:21:28Z", "2026-11-25T10:22:58Z"]),
        ({"schedule": "*/30 * * * * *"}, ["2026-11-25T10:20:00Z", "2026-11-25T10:20:30Z"]),
        ({"schedule": "0 0 31 2 *"}, []),
        ({"every": "1h", "endTime": "2026-11-25T11:19:58Z"}, ["2026-11-25T11:19:58Z"]),
        (
            {"schedules": [{"cron": "0 9 * * *", "timeZone": "America/New_York"}, {"cron": "0 15 * * *"}]},
            ["2026-11-25T14:00:00Z", "2026-11-25T15:00:00Z"],
        ),
        (
            {"schedule": "0 9 * * *", "exclude": [{"date": "2026-11-26"}]},
            ["2026-11-27T09:00:00Z", "2026-11-28T09:00:00Z"],
        ),
    ],
    ids=str,
)
def test_every_kind_of_schedule_is_told(spec: dict[str, Any], expected: list[str]) -> None:
    result = next_of(manifest(spec), options="-n 2 -o json")
    assert lines_of(result) == [{"namespace": "default", "name": "report", "next": expected}]


def test_a_manifest_that_was_applied_keeps_its_time_of_creation() -> None:
    applied = manifest({"every": "1h"}, creationTimestamp="2026-11-20T08:15:00Z")
    assert lines_of(next_of(applied, options="-n 1 -o json"))[0]["next"] == ["2026-11-25T11:15:00Z"]


def test_an_instant_in_the_past_that_a_deadline_admits_fires_at_once() -> None:
    late = manifest({"at": "2026-11-25T10:00:00Z", "startingDeadlineSeconds": 3600})
    assert lines_of(next_of(late, options="-o json"))[0]["next"] == ["2026-11-25T10:00:00Z"]
    assert rows_of(next_of(late))[0].split() == [
        "Wed",
        "2026-11-25",
        "10:00:00",
        "+00:00",
        "2026-11-25T10:00:00Z",
        "now",
    ]


def test_nothing_is_told_from_before_the_creation() -> None:
    spec = {"schedule": "0 0 * * *"}
    later = manifest(spec, creationTimestamp="2027-06-01T08:00:00Z")
    assert lines_of(next_of(later, options="-n 1 -o json"))[0]["next"] == ["2027-06-02T00:00:00Z"]


def test_the_year_3000_is_the_end() -> None:
    spec = {"every": "87600h"}
    (line,) = lines_of(next_of(manifest(spec), options="-n 1000 -o json"))
    assert len(line["next"]) == 97
    assert line["next"][-1] < "3000"


def test_a_spread_time_goes_by_the_namespace_which_an_option_can_name() -> None:
    spread = {"schedule": "H H * * *"}
    here, there = manifest(spread), manifest(spread, namespace="billing")
    option = next_of(here, options="-n 1 -o json --namespace billing")
    assert lines_of(option) == lines_of(next_of(there, options="-n 1 -o json"))
    assert lines_of(option) != lines_of(next_of(here, options="-n 1 -o json"))


def test_a_field_that_no_timer_has_is_warned_about() -> None:
    typo = manifest(GOOD | {"tz": "Asia/Tokyo"})
    warning = "spec.tz is not a field of a RedisTimer, and is not read"
    assert rows_of(next_of(typo))[0] == f"  warning: {warning}"
    result = next_of(typo, options="-n 1 -o json")
    assert result.exit_code == 0
    assert result.stderr == f"warning: default/report: {warning}\n"


def test_a_suspended_timer_has_nothing_next() -> None:
    suspended = manifest(GOOD | {"suspend": True})
    assert lines_of(next_of(suspended, options="-o json"))[0]["next"] == []
    assert "  suspended: nothing fires until spec.suspend is false" in rows_of(next_of(suspended))


def test_people_get_local_time_utc_and_how_long_it_takes() -> None:
    result = next_of(manifest(GOOD), options="-n 2")
    assert result.stdout.splitlines() == [
        "default/report  30 6 * * 1-5  Europe/Berlin",
        "  LOCAL TIME                      UTC                   IN",
        "  Thu 2026-11-26 06:30:00 +01:00  2026-11-26T05:30:00Z  19h10m",
        "  Fri 2026-11-27 06:30:00 +01:00  2026-11-27T05:30:00Z  1d19h",
        "",
    ]


def test_people_are_told_why_a_time_is_left_out() -> None:
    spec = {"schedule": "0 9 * * *", "exclude": [{"from": "2026-11-26", "to": "2026-11-27"}, {"cron": "* * * * SUN"}]}
    result = next_of(manifest(spec), options="-n 2")
    assert [row.split("  ")[-1].strip() for row in rows_of(result)] == [
        "left out by spec.exclude[0] from 2026-11-26 to 2026-11-27",
        "left out by spec.exclude[0] from 2026-11-26 to 2026-11-27",
        "2d22h",
        "left out by spec.exclude[1] cron '* * * * SUN'",
        "4d22h",
    ]


def test_many_left_out_in_a_row_are_counted() -> None:
    spec = {"schedule": "* * * * * *", "exclude": [{"cron": "20-59 10 * * *"}]}
    rows = rows_of(next_of(manifest(spec), options="-n 2"))
    assert rows[0].startswith("  warning: it fires every second")
    assert rows[1].endswith("1s")
    assert rows[2].endswith("left out by spec.exclude[0] cron '20-59 10 * * *'")
    assert rows[5].split() == ["...", "2397", "more", "left", "out"]
    assert "11:00:00Z" in rows[6]


def test_a_number_that_is_an_estimate_says_so() -> None:
    spec = {"schedule": "* * * * *", "exclude": [{"from": "2027-01-02", "to": "2041-01-02"}]}
    rows = rows_of(next_of(manifest(spec), options="-n 3", start="2027-01-01T23:58:00Z"))
    assert "about 736" in rows[-3]


def test_a_run_that_one_schedule_leaves_out_and_another_names_is_shown_as_of_the_other() -> None:
    spec = {
        "schedules": [{"cron": "0 0 * * *", "timeZone": "Asia/Tokyo"}, {"cron": "0 15 * * *"}],
        "exclude": [{"date": "2027-01-02"}],
    }
    rows = rows_of(next_of(manifest(spec), options="-n 1", start="2027-01-01T00:00:00Z"))
    assert rows[-1].split()[:4] == ["Fri", "2027-01-01", "15:00:00", "+00:00"]


def test_where_everything_is_left_out_the_end_is_told() -> None:
    rows = rows_of(next_of(manifest({"schedule": "0 9 * * *", "exclude": [{"cron": "0 9 * * *"}]})))
    assert rows[3].split() == ["...", "more", "left", "out"]
    assert rows[-1] == "  it never fires"


def test_a_time_that_fires_later_by_jitter_says_by_how_much() -> None:
    (row,) = rows_of(next_of(manifest(GOOD | {"jitter": "5m"}), options="-n 1"))
    (due,) = fires_at("default/report", "2026-11-26T05:30:00Z")
    assert f"  {due[:19]}Z  " in row
    assert row.endswith(" of jitter")


def test_only_what_has_jitter_and_fires_says_when_it_fires() -> None:
    suspended = manifest(GOOD | {"jitter": "5m", "suspend": True})
    for told in lines_of(next_of(manifest(GOOD), suspended, options="-o json")):
        assert "firesAt" not in told


def test_each_schedule_is_shown_in_its_own_zone() -> None:
    spec = {
        "schedules": [{"cron": "0 9 * * *", "timeZone": "America/New_York"}, {"cron": "0 9 * * *"}],
        "timeZone": "Asia/Tokyo",
    }
    rows = rows_of(next_of(manifest(spec), options="-n 2"))
    assert "Wed 2026-11-25 09:00:00 -05:00" in rows[0]
    assert "Thu 2026-11-26 09:00:00 +09:00" in rows[1]


def test_names_cannot_write_to_the_terminal() -> None:
    odd = manifest(GOOD, name="a\x1b[31m")
    assert "default/a\\x1b[31m" in next_of(odd).stdout


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_refused(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = yaml.safe_dump(manifest(GOOD))
    assert "\x1b[" in CliRunner().invoke(app, ["next", "-f", "-"], input=text, color=True).stdout
    monkeypatch.setenv(variable, value)
    assert "\x1b[" not in CliRunner().invoke(app, ["next", "-f", "-"], input=text, color=True).stdout


def test_what_powershell_writes_is_read() -> None:
    text = yaml.safe_dump(manifest(GOOD)).encode("utf-16")
    result = CliRunner().invoke(app, ["next", "-f", "-", "-o", "json"], input=text)
    assert result.exit_code == 0


def test_what_is_no_text_is_bad() -> None:
    result = CliRunner().invoke(app, ["next", "-f", "-", "-o", "json"], input=b"\x80\x81")
    assert result.exit_code == 1
    assert lines_of(result) == [
        {"name": "standard input", "error": "not a text in UTF-8: invalid start byte at byte 0"}
    ]


def test_a_pipe_gets_no_colours() -> None:
    assert "\x1b" not in next_of(manifest({"schedule": "*/61 * * * *"}), manifest({}, name="bad")).output


def test_what_is_no_timer_is_passed_over_and_said_so() -> None:
    result = next_of(manifest({}, name="settings", kind="ConfigMap"), manifest(GOOD), options="-n 1 -o json")
    assert result.exit_code == 0
    assert len(lines_of(result)) == 1
    assert result.stderr == "passed over: ConfigMap/settings is no RedisTimer and no CronJob\n"


def test_files_without_any_timer_are_an_error() -> None:
    result = next_of(manifest({}, name="settings", kind="ConfigMap"))
    assert result.exit_code == 1
    assert result.stderr.endswith("error: no RedisTimer and no CronJob in standard input\n")


def test_several_files_are_read_in_their_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(yaml.safe_dump(manifest(GOOD, name=name)))
    files = ["-f", str(tmp_path / "b"), "-f", str(tmp_path / "a")]
    result = CliRunner().invoke(app, ["next", *files, "-o", "json", "-n", "1", "--from", START])
    assert [line["name"] for line in lines_of(result)] == ["b", "a"]


def test_of_a_folder_the_manifests_are_read(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json"):
        (tmp_path / name).write_text(json.dumps(manifest(GOOD, name=name[0])))
    (tmp_path / "notes.txt").write_text("no manifest")
    (tmp_path / "deeper.yaml").mkdir()
    result = CliRunner().invoke(app, ["next", "-f", str(tmp_path), "-o", "json", "-n", "1", "--from", START])
    assert [line["name"] for line in lines_of(result)] == ["a", "b", "c"]


def test_a_folder_without_manifests_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["next", "-f", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == f"error: no RedisTimer and no CronJob in {tmp_path}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-f", "there-is-no-such-file"], "there-is-no-such-file cannot be read: No such file or directory"),
        (
            ["-f", "-", "--from", "tomorrow"],
            "'tomorrow' is not an instant from 1970 to 2999: write",
        ),
        (["-f", "-", "--from", "2026-11-25T10:00:00"], "is not an instant from 1970 to 2999"),
        (["-f", "-", "--from", "3000-11-25T10:00:00Z"], "is not an instant from 1970 to 2999"),
        (["-f", "-", "-n", "0"], "-n/--count: '0' is not accepted: write a whole number from 1 to 100000"),
        (["-f", "-", "-n", "many"], "'many' is not accepted"),
        (["-n", "billing"], "'billing' is not accepted: write a whole number from 1 to 100000; for a namespace write "),
        (["-n", "billing"], "write --namespace billing (redistimer next --help)"),
        (["job/report"], "argument NAME: 'job/report' names no RedisTimer: write its name alone, or as in "),
        (["-f", "-", "-o", "xml"], "invalid choice: 'xml'"),
        (["-f", "-", "report"], "-f reads files and asks no cluster: names, -l, -A, "),
        (["-f", "-", "-A"], "-f reads files and asks no cluster"),
        (["report", "-A"], "names do not go with -l or -A"),
        (["-A", "--namespace", "billing"], "argument --namespace: not allowed with argument -A/--all-namespaces"),
        (["-f", "-", "--form", "2026-11-25T10:00:00Z"], "unrecognized arguments: --form"),
    ],
    ids=str,
)
def test_a_wrong_command_line_ends_with_two_and_says_what_is_wrong(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["next", *arguments], input="")
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def test_the_help_shows_examples() -> None:
    result = CliRunner().invoke(app, ["next", "--help"])
    assert result.exit_code == 0
    assert "  redistimer next -f timer.yaml  " in result.output
    assert "exit codes, in the cluster: 0 all timers that are shown or listed are ready" in result.output
    assert "With -f: 0 all manifests are good" in result.output


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "timers.yaml").write_text(yaml.safe_dump_all([manifest(GOOD)] * 500))
    command = [sys.executable, "-m", "controller", "next", "-f", str(tmp_path), "-n", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("default/report")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 128 + signal.SIGPIPE


def test_it_runs_without_what_only_the_roles_need(tmp_path: Path) -> None:
    """Redis, Kubernetes and kopf take longer to import than everything that is asked here."""
    (tmp_path / "timer.json").write_text(json.dumps(manifest(GOOD)))
    program = (
        "import atexit, sys; from controller.cli.app import main; atexit.register(lambda: print(*sys.modules));"
        f"sys.argv[1:] = ['next', '-f', {str(tmp_path)!r}, '-n', '1']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "cronsim" in loaded
    assert {"redis", "kubernetes", "kopf", "pydantic", "rich", "aiohttp", "prometheus_client"}.isdisjoint(loaded)
