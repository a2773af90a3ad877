"""The command line of the demo: ``python -m tests.demo --help``."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import SettingsError
from tests.cluster import StackError
from tests.demo.clusters import cluster_for
from tests.demo.displays import display_for_stdout
from tests.demo.show import show
from tests.harness.watch import WatchError

_DESCRIPTION = """\
Starts a Kubernetes control plane and Redis on this machine, one controller and two workers; applies a RedisTimer of
each kind; shows live what becomes due, runs and finishes; and adds up at the end. With KUBECONFIG set, it uses that
cluster instead: CRD and RBAC are applied to it, the timers go into a namespace of their own that is deleted afterwards,
and Redis, controller and workers run here.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit code: 0 if all that was due ran once and succeeded."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=_DESCRIPTION)
    parser.add_argument(
        "--for",
        dest="seconds",
        type=_seconds,
        default=0,
        metavar="SECONDS",
        help="how long, from applying the timers on; 0 (the default): until Ctrl-C. A minute shows all four kinds",
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit_in_order)
    try:
        return _run(options.seconds)
    except (StackError, SettingsError, WatchError, ApiError, ApiUnreachableError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our lines has seen enough; nothing may be written on the way out either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(seconds: int) -> int:
    display = display_for_stdout()
    with cluster_for(os.environ, lambda text: print(text, flush=True)) as cluster:
        return 0 if asyncio.run(show(cluster, seconds, display)) else 1


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: write a whole number from 0 to 86400")
    return int(text)


def _exit_in_order(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
