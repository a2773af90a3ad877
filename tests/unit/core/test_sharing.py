"""Values that many share are worked out once."""

import pytest

from controller.core.sharing import shared


def test_equal_arguments_share_a_value() -> None:
    worked_out = []

    @shared(10)
    def halves(number: int) -> list[float]:
        worked_out.append(number)
        return [number / 2] * 2

    assert halves(4) is halves(4)
    assert halves(6) == [3, 3]
    assert worked_out == [4, 6]


def test_what_is_equal_but_of_another_type_is_something_else() -> None:
    @shared(10)
    def kind(value: object) -> str:
        return type(value).__name__

    assert [kind(1), kind(True), kind(1.0)] == ["int", "bool", "float"]


def test_what_cannot_be_looked_up_is_worked_out_each_time() -> None:
    @shared(10)
    def length(items: list[int]) -> int:
        return len(items)

    assert length([1, 2]) == 2
    assert length([1, 2, 3]) == 3


def test_an_error_of_the_function_itself_is_its_own() -> None:
    @shared(10)
    def broken(value: int) -> int:
        raise TypeError(f"no {value}")

    with pytest.raises(TypeError, match="no 7"):
        broken(7)
