"""Files that only wait have a process to themselves, and each file has one."""

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest

from tests.scheduling import ENOUGH, PATIENT, PatientScheduling

(SLOW,) = PATIENT
OTHERS = ["tests/a.py", "tests/b.py", "tests/c.py"]


class Process:
    """One of xdist's: it notes what it is to run."""

    def __init__(self, number: int, tests: list[str]) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.tests = tests
        self.shutting_down = False
        self.ran: list[str] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.ran += [self.tests[index].partition("::")[0] for index in indices]

    def shutdown(self) -> None:
        self.shutting_down = True


def run(files: list[str], processes: list[int]) -> list[Process]:
    """Let these processes of three run all tests of these files, in turns; they are given back with what they ran."""
    tests = [f"{file}::test_{number}" for file in files for number in range(3)]
    scheduling: Any = PatientScheduling.__new__(PatientScheduling)
    scheduling.numnodes, scheduling.log = ENOUGH, lambda *words: None
    scheduling.workqueue = OrderedDict(
        (file, {test: False for test in tests if test.startswith(file)}) for file in files
    )
    nodes = [Process(number, tests) for number in processes]
    scheduling.registered_collections = dict.fromkeys(nodes, tests)
    scheduling.assigned_work = {node: {} for node in nodes}
    for node in nodes:
        scheduling._assign_work_unit(node)
    while scheduling.has_pending:
        for node in nodes:
            pending = [test for unit in scheduling.assigned_work[node].values() for test in unit if not unit[test]]
            if pending:
                scheduling.mark_test_complete(node, tests.index(pending[0]))
    return nodes


def test_what_waits_is_run_by_the_last_process_which_runs_nothing_else() -> None:
    first, second, last = run([OTHERS[0], SLOW, *OTHERS[1:]], [0, 1, 2])
    assert set(last.ran) == {SLOW}
    assert sorted({*first.ran, *second.ran}) == OTHERS
    assert len(first.ran) + len(second.ran) == 9, "each test once"


def test_without_anything_that_waits_the_last_process_ends_at_once() -> None:
    *_, last = run(OTHERS, [0, 1, 2])
    assert (last.ran, last.shutting_down) == ([], True)


@pytest.mark.parametrize("files", [[SLOW], [SLOW, OTHERS[0]]])
def test_where_the_last_process_is_not_needed_or_gone_the_others_run_everything(files: list[str]) -> None:
    first, second = run(files, [0, 1])
    assert {*first.ran, *second.ran} == set(files)
