"""CPU time of processes and of the whole machine, from /proc."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NOT_BUSY = (3, 4)  # idle and iowait, in the first line of /proc/stat
_GUEST = 8  # from here on, what user time has in it already


@dataclass(frozen=True, slots=True)
class Snapshot:
    """CPU seconds used up to a moment: by each process of ours, and by everything on the machine."""

    processes: Mapping[str, float]
    machine: float


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds used between two moments; `others`: by whatever is not part of the measurement."""

    processes: Mapping[str, float]
    others: float


def snapshot(pids: Mapping[str, int]) -> Snapshot:
    """The CPU time of these processes (by name) and of the machine now."""
    return Snapshot({name: _of_process(pid) for name, pid in pids.items()}, _of_machine())


def used_between(before: Snapshot, after: Snapshot) -> Used:
    """What was used from one moment to another."""
    processes = {name: after.processes[name] - seconds for name, seconds in before.processes.items()}
    return Used(processes, max(0.0, after.machine - before.machine - sum(processes.values())))


def _of_process(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _of_machine() -> float:
    fields = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:]]
    busy = sum(ticks for position, ticks in enumerate(fields[:_GUEST]) if position not in _NOT_BUSY)
    return busy / _TICKS_PER_S
