"""What the processes and Redis hold at an instant."""

import os
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import redis
from prometheus_client.parser import text_string_to_metric_families

from controller.index.keys import keys_of
from tests.cluster import Process, StackError

_KEYS = keys_of("default")


@dataclass(frozen=True)
class Sample:
    """Figures by name, `<who>: <what>`, at seconds of the monotonic clock."""

    at_s: float
    figures: dict[str, float] = field(default_factory=dict)


class Sampler:
    """Takes samples of some processes and a Redis."""

    def __init__(self, processes: list[Process], addresses: dict[str, str], redis_url: str) -> None:
        self._processes = processes
        self._addresses = addresses
        self._redis = redis.Redis.from_url(redis_url, decode_responses=True)

    def take(self) -> Sample:
        """One of now. Raises StackError where a process has ended."""
        figures: dict[str, float] = {}
        for process in self._processes:
            if (code := process.poll()) is not None:
                raise StackError(f"{process.name} has ended (exit code {code}):\n{process.log_tail()}")
            figures |= {f"{process.name}: {what}": number for what, number in _of_process(process.pid).items()}
            figures |= {f"{process.name}: {what}": number for what, number in self._metrics(process.name).items()}
        figures |= {f"redis: {what}": number for what, number in self._of_redis().items()}
        return Sample(time.monotonic(), figures)

    def close(self) -> None:
        """Let go of the connection to Redis."""
        self._redis.close()

    def _metrics(self, name: str) -> dict[str, float]:
        with urllib.request.urlopen(f"{self._addresses[name]}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = {}
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                if one.name == "redistimer_tasks":
                    found["tasks"] = one.value
                elif one.name == "redistimer_held_leases":
                    found["leases held"] = one.value
                elif one.name == "redistimer_known":
                    found[f"{one.labels['kind']} in mind"] = one.value
        return found

    def _of_redis(self) -> dict[str, float]:
        client = self._redis
        there = set(client.scan_iter("*"))
        return {
            "tickets": client.hlen(_KEYS.tickets),
            "due": client.zcard(_KEYS.due),
            "leased": client.zcard(_KEYS.leased),
            "leases": client.hlen(_KEYS.lease),
            "reports": client.xlen(_KEYS.outcomes),
            "keys": len(there & set(_KEYS)),
            "other keys": len(there - set(_KEYS)),
            "memory KiB": client.info("memory")["used_memory_dataset"] // 1024,
            "clients": client.info("clients")["connected_clients"],
        }


def _of_process(pid: int) -> dict[str, float]:
    """Resident memory, open descriptors, and how many of these are sockets."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    descriptors = os.listdir(f"/proc/{pid}/fd")
    sockets = 0
    for one in descriptors:
        try:
            sockets += os.readlink(f"/proc/{pid}/fd/{one}").startswith("socket:")
        except OSError:
            continue  # closed meanwhile
    return {
        "resident MiB": pages * os.sysconf("SC_PAGE_SIZE") / 1024**2,
        "descriptors": len(descriptors),
        "sockets": sockets,
    }
