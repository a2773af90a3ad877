"""A run of all tests: who begins, and what shows only at its end: whether the product has used each right it is given.

Every process that runs integration tests has a cluster of its own, and finds out what was used there (the fixture
`product_processes`). Together they have to have used everything: a right that nothing needs is one to take away.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.stack import CHECKOUT
from tests.integration.rights import USED_RIGHTS, Right, granted_by, pack, unpack

_HANDED_OVER = "used_rights"
_PATIENT = "test_conformance.py"
"""Waits for minutes to pass: CronJobs know no shorter interval."""


class WholeRun:
    """Of a run of tests: which files had their turn, and in the end which rights went unused."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._files: set[str] = set()
        self.unused: list[Right] = []
        self._used: set[Right] = set()
        config.stash[USED_RIGHTS] = self._used

    @property
    def is_whole(self) -> bool:
        """Whether all integration tests have run."""
        chosen = self._config.option
        some_only = chosen.keyword or chosen.markexpr or chosen.deselect or getattr(chosen, "lf", False)
        some_only = some_only or any("::" in argument for argument in self._config.args)
        folder = CHECKOUT / "tests" / "integration"
        return not some_only and self._files >= {str(file.relative_to(CHECKOUT)) for file in folder.glob("test_*.py")}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has run, here or in one of xdist's processes."""
        self._files.add(report.nodeid.partition("::")[0])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """One of xdist's processes is done: take in what it has found out."""
        self._used |= unpack(getattr(node, "workeroutput", {}).get(_HANDED_OVER, ()))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand over what was used; or, where everything comes together, look what was not."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_HANDED_OVER] = pack(self._used)
        # A test that failed may be the one that would have used it.
        elif exitstatus == pytest.ExitCode.OK and self.is_whole:
            self.unused = sorted(granted_by(CHECKOUT / "deploy" / "rbac.yaml") - self._used)
            if self.unused:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what went unused."""
        if self.unused:
            terminalreporter.section("rights that no integration test has used", red=True)
            for right in self.unused:
                terminalreporter.write_line(f"deploy/rbac.yaml: {right}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who waits the longest begins first; then those that need a cluster and the others in turn.

    Side by side, three clusters leave too little of two cores for each, and what only computes leaves more.
    """
    needs_cluster: dict[Path, bool] = {}
    for item in items:
        on_cluster = "stack" in getattr(item, "fixturenames", ())
        needs_cluster[item.path] = needs_cluster.get(item.path, False) or on_cluster
    turn = {path: -1.0 for path in needs_cluster if path.name == _PATIENT}
    for kind in (True, False):
        files = [path for path, needs in needs_cluster.items() if needs is kind and path not in turn]
        turn |= {path: (number + 0.5) / len(files) for number, path in enumerate(files)}
    items.sort(key=lambda item: turn[item.path])


def pytest_configure(config: pytest.Config) -> None:
    """Look at the run from its beginning."""
    config.pluginmanager.register(WholeRun(config), "whole-run")
