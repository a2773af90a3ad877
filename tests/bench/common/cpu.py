"""CPU time of processes and of the whole machine, from /proc."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import Process, Stack

OTHERS = "anything else here"
"""In figures of CPU: whatever ran on the machine and is not part of the benchmark. Noise."""

OURSELVES = "benchmark (its watch)"
"""In figures of CPU: the process that measures."""

DISTURBED_SHARE = 0.15
"""Where anything else took more of the machine's CPU than this, figures are marked: they tell of that, too."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NOT_BUSY = (3, 4)  # idle and iowait, in the first line of /proc/stat
_GUEST = 8  # from here on, what user time has in it already


@dataclass(frozen=True, slots=True)
class Snapshot:
    """CPU seconds used up to a moment: by each process of ours, and by everything on the machine."""

    processes: Mapping[str, float]
    machine: float
    at_s: float = 0.0
    """That moment, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds used between two moments; `others`: by whatever is not part of the measurement."""

    processes: Mapping[str, float]
    others: float
    took_s: float = 0.0

    @property
    def busy_cores(self) -> float:
        """Cores that were busy on average, with whatever ran on the machine."""
        return (sum(self.processes.values()) + self.others) / max(self.took_s, 0.001)

    def others_share(self, cores: int | None = None) -> float:
        """The part (0 to 1) of the machine's CPU that anything else took; of this machine, if no cores are named."""
        return self.others / (max(self.took_s, 0.001) * (cores or os.cpu_count() or 1))

    def by_name(self) -> dict[str, float]:
        """CPU seconds of each process, and of OTHERS."""
        return {**self.processes, OTHERS: self.others}


def snapshot(pids: Mapping[str, int]) -> Snapshot:
    """The CPU time of these processes (by name) and of the machine now."""
    return Snapshot({name: _of_process(pid) for name, pid in pids.items()}, _of_machine(), time.monotonic())


def used_between(before: Snapshot, after: Snapshot) -> Used:
    """What was used from one moment to another."""
    processes = {name: after.processes[name] - seconds for name, seconds in before.processes.items()}
    others = max(0.0, after.machine - before.machine - sum(processes.values()))
    return Used(processes, others, after.at_s - before.at_s)


def pids_of(stack: Stack, processes: Sequence[Process] = ()) -> dict[str, int]:
    """Everything that belongs to a measurement on a stack: its components, these processes, and the one that asks."""
    components = [stack.api_server, stack.etcd, stack.controller_manager]
    if stack.redis.process is not None:
        components.append(stack.redis.process)
    return {**{process.name: process.pid for process in [*components, *processes]}, OURSELVES: os.getpid()}


def _of_process(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _of_machine() -> float:
    fields = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:]]
    busy = sum(ticks for position, ticks in enumerate(fields[:_GUEST]) if position not in _NOT_BUSY)
    return busy / _TICKS_PER_S
