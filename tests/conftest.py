"""A run of all tests: who begins, and what shows only at its end: whether the product has used each right it is given.

Every process that runs integration tests has a cluster of its own, and finds out what was used there (the fixture
`product_processes`). Together they have to have used everything: a right that nothing needs is one to take away.
"""

from typing import Any

import pytest

from tests.cluster.stack import CHECKOUT
from tests.integration.rights import USED_RIGHTS, Right, granted_by, pack, unpack

_HANDED_OVER = "used_rights"
_LONGEST = ("test_conformance.py", "test_simulation.py")
"""The one waits for minutes to pass, as CronJobs know no shorter interval; the other computes."""


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
    """What lasts the longest begins first: others run beside it."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_configure(config: pytest.Config) -> None:
    """Look at the run from its beginning."""
    config.pluginmanager.register(WholeRun(config), "whole-run")
