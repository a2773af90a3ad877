"""The benchmarks of loads, as small as they can be: each prints its figures, and finds nothing wrong.

What comes out is not looked at: how fast this machine is today says nothing.
"""

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import main

WITHOUT_BARS = {"requests"}


@pytest.mark.parametrize(
    ("scenario", "arguments"),
    [
        ("index", "--fires 200 --batches 100,1 --rounds 1"),
        ("workers", "--timers 50 --workers 2 --rounds 1"),
        ("ingest", "--only listed --listed 1200 --again-after 5"),
        ("steady", "--only idle --idle-seconds 3 --warm-up 1"),
        ("requests", "--requests 3 --rounds 1"),
        ("scale", "--timers 500 --due 10 --rate 20 --idle 1 --rounds 1"),
    ],
)
def test_a_small_run_leaves_a_document_without_faults(
    scenario: str, arguments: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "document.json"

    code = main([scenario, *arguments.split(), "--json", str(file)])

    said = capsys.readouterr()
    assert code == 0, said
    document = json.loads(file.read_text())
    assert document["faults"] == []
    assert document["runs"]
    assert document["summary"]
    assert main(["show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert ("bars" in shown) == (scenario not in WITHOUT_BARS)
    assert shown.strip().splitlines()[-1] in said.out
