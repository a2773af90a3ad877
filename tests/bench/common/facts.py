"""On what a benchmark ran: without it figures say nothing."""

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import redis

from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT

_PACKAGES = ("aiohttp", "kopf", "kubernetes", "redis")


def facts_of(stack: Stack | None = None, redis_url: str | None = None) -> dict[str, str]:
    """Commit, machine and versions: of a stack that runs, or of a Redis alone, or of neither."""
    facts = {
        "commit": _commit(),
        "machine": f"{os.cpu_count()} cores, {_cpu_model()}, {_memory_gib():.0f} GiB, Linux {platform.release()}",
    }
    if stack is not None:
        server = json.loads(stack.kubectl("version", "-o", "json").stdout)["serverVersion"]
        facts["kubernetes"] = str(server["gitVersion"])
        redis_url = redis_url or stack.redis_url
    if redis_url is not None:
        with redis.Redis.from_url(redis_url) as client:
            facts["redis server"] = str(client.info("server")["redis_version"])
    facts["python"] = platform.python_version()
    return facts | {f"python {package}": version(package) for package in _PACKAGES}


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{commit} with changes" if _git("status", "--porcelain", "--", "controller", "crds", "deploy") else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", CHECKOUT, *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
