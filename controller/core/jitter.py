"""How much later than its nominal time an occurrence fires."""

import hashlib


def delay_ms(owner: str, occurrence_ms: int, next_ms: int | None, jitter_ms: int) -> int:
    """A delay from 0 to `jitter_ms`, evenly spread over timers and occurrences, and always the same for the same one.

    It never reaches the next occurrence, so that occurrences fire in their order. The idea is that of Temporal's
    schedules; `owner` is namespace/name, so that a timer deleted and applied again keeps its delays.
    """
    longest_ms = jitter_ms if next_ms is None else min(jitter_ms, next_ms - occurrence_ms)
    digest = hashlib.blake2b(f"{owner}\0{occurrence_ms}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * longest_ms >> 64
