"""What a stack does about kubectl's own ways."""

import pytest

from tests.cluster import StackError
from tests.cluster.kubectl import wait_until_established

YOUNG = "kubectl wait failed (exit code 1):\nerror: .status.conditions accessor error: <nil> is of the type <nil>"


class Kubectl:
    """One that says these errors, one at a time, and then nothing."""

    def __init__(self, *errors: str) -> None:
        self._errors = list(errors)
        self.asked: list[tuple[tuple[str, ...], str | None]] = []

    def __call__(self, *arguments: str, input: str | None = None) -> None:
        self.asked.append((arguments, input))
        if self._errors:
            raise StackError(self._errors.pop(0))


def test_a_crd_that_has_no_conditions_yet_is_waited_for_again() -> None:
    kubectl = Kubectl(YOUNG, YOUNG)
    wait_until_established(kubectl, "-f", "-", input="a manifest")
    wait = ("wait", "--for=condition=Established", "--timeout=60s", "-f", "-")
    assert kubectl.asked == [(wait, "a manifest")] * 3


def test_other_errors_are_errors() -> None:
    kubectl = Kubectl("error: timed out waiting for the condition")
    with pytest.raises(StackError, match="timed out"):
        wait_until_established(kubectl, "crd/other")
    assert len(kubectl.asked) == 1
