"""What the command lines of the commands have in common."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from controller.cli.cluster import Where
from controller.core.durations import parse_duration

PLUGIN = "kubectl-redistimer"
"""Under this name kubectl finds the command as a plugin of its own."""

_LONGEST_WAIT_HOURS = 24

_TIMERS = ("rt", "redistimer", "redistimers")
_CRON_JOBS = ("cj", "cronjob", "cronjobs")


def program() -> str:
    """The command as it was called: `redistimer`, or `kubectl redistimer`."""
    return "kubectl redistimer" if Path(sys.argv[0]).stem == PLUGIN else "redistimer"


def version() -> str:
    """That of this installation, as pip knows it."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of("redistimer")
    except PackageNotFoundError:
        return "of unknown version: it is not installed"


def new_parser(command: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser for the flags of a command. In both texts `%(prog)s` is the command as it was called."""
    return _Parser(
        prog=f"{program()} {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_where(parser: argparse.ArgumentParser, all_namespaces: bool = False, short_namespace: bool = True) -> None:
    """Flags that say which cluster and namespace: --namespace, -A where it makes sense, --context, --kubeconfig."""
    group = parser.add_argument_group("which cluster")
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        *(("-n", "--namespace") if short_namespace else ("--namespace",)),
        metavar="NAMESPACE",
        help="the namespace (that of the kubeconfig's context)",
    )
    if all_namespaces:
        which.add_argument("-A", "--all-namespaces", action="store_true", help="all namespaces")
    group.add_argument("--context", metavar="NAME", help="the context of the kubeconfig to use (its current one)")
    group.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="the kubeconfig to use (KUBECONFIG, else ~/.kube/config)"
    )


def where_of(options: argparse.Namespace) -> Where:
    """What the flags of `add_where` say."""
    return Where(options.namespace, options.context, options.kubeconfig)


def add_output(parser: argparse.ArgumentParser, choices: Sequence[str] = ("table", "json", "yaml")) -> None:
    """The flag -o/--output; without it the first choice is taken."""
    parser.add_argument(
        "-o", "--output", choices=tuple(choices), default=choices[0], help=f"what to print ({choices[0]})"
    )


def add_timeout(parser: argparse.ArgumentParser, what: str, default_s: int) -> None:
    """The flag --timeout, in seconds for the program and a duration for people."""
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=default_s,
        metavar="DURATION",
        help=f"how long to wait {what} ({default_s}s)",
    )


def _seconds(text: str) -> int:
    try:
        return parse_duration(text, _LONGEST_WAIT_HOURS) // 1000
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def timer_name(text: str) -> str:
    """The name of a RedisTimer, also as kubectl prints it: redistimer.redistimer.dev/report."""
    return _name(text, "RedisTimer", _TIMERS, "redistimer.dev", "v1alpha1")


def cron_job_name(text: str) -> str:
    """The name of a CronJob, also as kubectl prints it: cronjob.batch/report."""
    return _name(text, "CronJob", _CRON_JOBS, "batch", "v1")


def _name(text: str, kind: str, words: Sequence[str], group: str, version: str) -> str:
    written, slash, name = text.rpartition("/")
    word, _, rest = written.lower().partition(".")
    if not slash or (word in words and rest in ("", group, f"{version}.{group}") and name):
        return name
    raise argparse.ArgumentTypeError(
        f"{text!r} names no {kind}: write its name alone, or as in {words[1]}/report or {words[1]}.{group}/report"
    )


def whole_number(most: int) -> Callable[[str], int]:
    """Reads a number from 1 to this."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not accepted: write a whole number from 1 to {most}")
        return int(text)

    return number


def instant(text: str) -> int:
    """Reads an instant with its offset; milliseconds since the epoch."""
    from controller.core.problems import SpecError
    from controller.core.schedule.occurrences import END_MS
    from controller.core.spec import instant_at

    try:
        instant_ms = instant_at({"instant": text}, "instant")
    except SpecError:
        instant_ms = None
    if instant_ms is None or instant_ms >= END_MS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an instant from 1970 to 2999: write date, time and offset, like 2026-11-22T10:00:00Z"
        )
    return instant_ms


def parser_of(command: Callable[[Sequence[str]], int]) -> argparse.ArgumentParser | None:
    """The parser with which a command begins to read its arguments; it gets no further. None where it has none."""
    _Parser.hand_over = True
    try:
        command([])
    except _HandedOver as handed_over:
        return handed_over.parser
    finally:
        _Parser.hand_over = False
    return None


class _HandedOver(Exception):  # noqa: N818
    """Instead of reading arguments."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    hand_over = False

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        if _Parser.hand_over:
            raise _HandedOver(self)
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} ({self.prog} --help)\n")
