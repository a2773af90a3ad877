"""Tests that mostly wait for the clock, run side by side: as long as the longest of them, and not as all together."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.integration.world import Cluster, World

Scenario = Callable[[World], None]
Test = Callable[["Outcomes"], None]
Outcomes = Mapping[str, "Future[None]"]

_MARK = "scenario"


def side_by_side(scenario: Scenario) -> Test:
    """Make a test of a scenario that has a namespace of its own and disturbs nobody.

    All of a module begin together, with the first of them that pytest comes to; each fails by itself.
    """

    def test(outcomes: Outcomes) -> None:
        outcomes[scenario.__name__].result()

    # By hand: pytest would look through functools.wraps at the scenario's arguments, and take them for fixtures.
    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    setattr(test, _MARK, scenario)
    return test


@contextmanager
def begun(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Outcomes]:
    """Begin all scenarios of the module that were selected."""
    chosen = [item.function for item in request.session.items if getattr(item, "module", None) is request.module]
    scenarios: list[Scenario] = [getattr(test, _MARK) for test in chosen if hasattr(test, _MARK)]
    with ThreadPoolExecutor(max_workers=len(scenarios)) as pool:
        yield {scenario.__name__: pool.submit(_run, scenario, cluster) for scenario in scenarios}


def _run(scenario: Scenario, cluster: Cluster) -> None:
    with cluster.world() as world:
        scenario(world)
