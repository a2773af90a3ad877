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


def program() -> str:
    """The command as it was called: `redistimer`, or `kubectl redistimer`."""
    return "kubectl redistimer" if Path(sys.argv[0]).stem == PLUGIN else "redistimer"


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
