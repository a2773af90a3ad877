"""What must hold of a timer's runs, whatever happened meanwhile."""

from tests.integration.waiting import rfc3339, wait_until
from tests.integration.world import Timer


def assert_once_and_not_before(timer: Timer) -> None:
    """Each nominal time has one Job, and none was born before its nominal time (as far as whole seconds tell)."""
    nominal = [rfc3339(nominal_ms) for nominal_ms in timer.nominal()]
    assert len(set(nominal)) == len(nominal), f"{timer.name} has fired twice: {nominal}"
    early = [fired for fired in timer.fired() if fired.born_s < fired.nominal_ms // 1000]
    assert not early, f"{timer.name} has fired before its time"


def assert_on_grid(timer: Timer, interval_s: int) -> None:
    """All nominal times of an `every` timer are multiples of its interval, counted from its creation."""
    off = [rfc3339(time_ms) for time_ms in timer.nominal() if (time_ms - timer.created_ms) % (interval_s * 1000)]
    assert not off, f"{timer.name} (created {rfc3339(timer.created_ms)}, every {interval_s}s) has fired at {off}"


def assert_nothing_left_out(timer: Timer, interval_s: int, after_ms: int) -> None:
    """From its first run after an instant on, an `every` timer has fired each occurrence or reported it as missed.

    A machine that stands still for longer than the interval misses occurrences, and that is no fault of the product.
    Status tells of them in its own time.
    """

    def left_out() -> int:
        fired = sorted(nominal_ms for nominal_ms in set(timer.nominal()) if nominal_ms > after_ms)
        return (fired[-1] - fired[0]) // (interval_s * 1000) + 1 - len(fired)

    wait_until(
        lambda: (left_out(), timer.counted("missed")),
        lambda seen: seen[0] <= seen[1],
        f"what {timer.name} has left out is reported as missed",
    )


def assert_steady(timer: Timer, interval_s: int, after_ms: int = 0) -> None:
    """All of the above: an `every` timer has fired each occurrence after an instant, once and at its time."""
    assert_once_and_not_before(timer)
    assert_on_grid(timer, interval_s)
    assert_nothing_left_out(timer, interval_s, after_ms)
