"""Whether a Redis server is one that can hold the index: what `doctor` and both roles say of it."""

import re
from collections.abc import Mapping
from typing import Any

from controller.core.findings import Finding, Level

_OLDEST = (6, 2)
_NOTABLE_MS = 250


def judge_server(address: str, info: Mapping[str, Any]) -> list[Finding]:
    """What there is to say of version, role and eviction; `info` is what INFO tells, as far as it does."""
    product = "Valkey" if "valkey_version" in info else "Redis"
    found = f"{product} {info.get(f'{product.lower()}_version', 'of unknown version')} at {address}"
    findings = []
    if is_too_old(info):
        advice = "needed is Redis 6.2 or newer, or Valkey: older ones lack commands that the index is made of"
        findings.append(Finding("Redis", Level.PROBLEM, found, advice))
    if info.get("role") == "slave":
        findings.append(Finding("Redis", Level.PROBLEM, f"{found} is a replica", "name the primary: scripts write"))
    return [*(findings or [Finding("Redis", Level.OK, found)]), *_on_eviction(info)]


def is_too_old(info: Mapping[str, Any]) -> bool:
    """Whether it lacks what scripts use. Valkey tells as well which Redis it is like."""
    numbers = tuple(int(part) for part in re.findall("[0-9]+", str(info.get("redis_version", "")))[:2])
    return bool(numbers) and numbers < _OLDEST


def _on_eviction(info: Mapping[str, Any]) -> list[Finding]:
    policy, limit = info.get("maxmemory_policy"), int(info.get("maxmemory") or 0)
    if not policy:
        return []
    found = f"maxmemory-policy is {policy}"
    if policy == "noeviction":
        return [Finding("eviction", Level.OK, found)]
    advice = "set it to noeviction: an index of which anything is evicted has to be rebuilt, and timers fire late"
    if policy.startswith("volatile-"):
        return [Finding("eviction", Level.OK, f"{found}, which spares the index: its keys do not expire")]
    if not limit:
        return [
            Finding("eviction", Level.WARNING, f"{found}, and there is no maxmemory at which it would count", advice)
        ]
    return [Finding("eviction", Level.PROBLEM, f"{found}, with maxmemory at {limit / 2**20:.0f} MB", advice)]


def judge_clock(least_ms: float, most_ms: float) -> Finding:
    """Whether the clock of this process agrees with that of Redis, which is between these two later."""
    apart_ms = max(least_ms, -most_ms, 0)
    if apart_ms <= _NOTABLE_MS:
        return Finding("clock", Level.OK, f"that of Redis is within {_NOTABLE_MS} ms of this process's")
    side = "behind" if least_ms > 0 else "ahead of"
    found = f"this process's is at least {apart_ms / 1000:.1f} s {side} that of Redis"
    advice = (
        "synchronise clocks (NTP): a worker claims by the clock of Redis and fires by its own, so what it fires comes "
        f"that much {'late' if least_ms > 0 else 'early'} where it is this clock that is wrong; nothing is lost or "
        "run twice by it"
    )
    return Finding("clock", Level.WARNING, found, advice)
