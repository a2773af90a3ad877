"""What can be wrong with a spec."""

from controller.core.reasons import Reason

_SHOWN = 80


class SpecError(ValueError):
    """A field of the spec that cannot be used. The message says what was found, what is accepted, what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def cut(text: str, length: int = _SHOWN) -> str:
    """As much of a text as a message has room for."""
    return text if len(text) <= length else f"{text[:length]}..."
