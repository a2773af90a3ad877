"""Documents of benchmarks: written, read again, and shown."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.__main__ import main
from tests.bench.burst.tables import tables
from tests.bench.common.output import as_json, print_document, read_document, spread, with_spread, write_document
from tests.unit.bench.bursts import document, run


def shown(*runs: dict[str, object]) -> str:
    """What a user sees of the document of these runs."""
    console, whole = Console(file=io.StringIO(), width=140, color_system=None), document(*runs)
    print_document(console, whole, tables(whole))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, title: str) -> list[str]:
    """The cells of the first row with this title."""
    line = next(line for line in text.splitlines() if line.startswith(title))
    return line.removeprefix(title).split()


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = document(run("ours-2"), run("posts"))
    write_document(written, tmp_path / "new" / "burst.json")

    assert read_document(tmp_path / "new" / "burst.json") == written


def test_each_figure_of_a_run_has_a_line_of_its_own() -> None:
    text = as_json(document(run("ours-2")))

    assert '      "arrivals_ms": [100, 1000]\n' in text
    assert '      "max_ms": 1000,\n' in text
    assert json.loads(text)["runs"][0]["max_ms"] == 1000


def test_a_file_that_is_no_document_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")

    for name in ("list.json", "broken.json", "missing.json"):
        with pytest.raises(ValueError, match=name):
            read_document(tmp_path / name)


def test_a_spread_is_median_and_extremes() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}
    assert with_spread(spread([3, 1, 2])) == "2 (1 - 3)"
    assert with_spread(spread([2])) == "2"


def test_arms_stand_beside_each_other() -> None:
    text = shown(run("ours-2", last_ms=500), run("cronjob", last_ms=1_000))

    assert row(text, "2 timers at one instant") == ["ours-2", "cronjob"]
    assert row(text, "lag of the last Job, ms") == ["500", "1000"]
    assert row(text, "last Job: ours-2 / cronjob") == ["2", "0.500", "1", "0.500"]
    assert "machine: 2 cores" in text


def test_rounds_are_shown_with_what_disturbed_them_and_what_failed() -> None:
    failed = {"timers": 2, "round": 2, "arm": "posts", "error": "no time"}
    text = shown(
        run("ours-2", 1, last_ms=500), run("posts", 1), run("ours-2", 2, last_ms=1_000, disturbed=True), failed
    )

    assert row(text, "round 1") == ["500", "1000"]
    assert row(text, "round 2") == ["1000*", "failed"]
    assert row(text, "  least - most")[:3] == ["2", "-", "4"]


def test_a_document_in_which_every_run_failed_can_be_shown() -> None:
    assert "machine: 2 cores" in shown({"timers": 2, "round": 1, "arm": "posts", "error": "no time"})


def test_the_command_line_shows_documents_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_document(document(run("ours-2")), tmp_path / "burst.json")

    assert main(["show", str(tmp_path / "burst.json")]) == 0
    assert "lag of the last Job, ms" in capsys.readouterr().out


def test_a_file_that_cannot_be_shown_is_an_error_without_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(tmp_path / "missing.json")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [["burst", "--arms", "ours-3"], ["burst", "--timers", "0"], ["burst", "--timers", "5,5"], ["unknown"], []],
    ids=" ".join,
)
def test_options_that_mean_nothing_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert "usage:" in capsys.readouterr().err
