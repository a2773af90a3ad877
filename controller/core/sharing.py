"""Of a hundred thousand timers many say the same: what is worked out of it is worked out once, and shared."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

Value = TypeVar("Value")


def shared(most: int) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Remember the last `most` values of a function by its arguments; where these cannot be looked up, work them out.

    The values must not be changed. Arguments of different types are different: True is not 1.
    """

    def decorate(function: Callable[..., Value]) -> Callable[..., Value]:
        remembering = lru_cache(maxsize=most, typed=True)(function)

        @wraps(function)
        def call(*arguments: Any) -> Value:
            try:
                return remembering(*arguments)
            except TypeError:
                # Lists and objects cannot be looked up. Where the function itself raises this, it does so once more.
                return function(*arguments)

        return call

    return decorate
