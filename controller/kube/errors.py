"""What can go wrong with the API server. Cheap to import."""

from dataclasses import dataclass


@dataclass
class ApiError(Exception):
    """The API server answered no."""

    status: int
    reason: str
    message: str
    causes: tuple[str, ...] = ()
    retry_after_s: float | None = None
    go_on: str = ""
    """Of a list that took too long: where it goes on from, in what the collection is now."""

    def __str__(self) -> str:
        return f"{self.status} {self.reason}: {self.message}"

    @property
    def overloaded(self) -> bool:
        """The server has no capacity for anybody now, whatever is asked of it."""
        return self.status in (429, 502, 503, 504)


class ApiUnreachableError(Exception):
    """No answer, or none to this process: refused, reset or timed out, or its credentials have ended.

    What was asked for may or may not have been done.
    """


class LeadershipLostError(Exception):
    """Somebody else may lead from now on: the process must end, so that nothing half-done goes on."""
