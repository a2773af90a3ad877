"""All benchmarks: ``python -m tests.bench --help``."""

import argparse
import asyncio
import contextlib
import importlib
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, cast

from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from controller.kube.errors import ApiError, ApiUnreachableError
from controller.settings import SettingsError
from tests.bench.common.errors import BenchError
from tests.bench.common.flags import writable
from tests.bench.common.output import DIRECTORY, Document, Say, print_document, read_document, write_document
from tests.bench.scenarios import SCENARIOS
from tests.cluster import StackError
from tests.harness.watch import WatchError

_PROGRAM = "python -m tests.bench"
_DESCRIPTION = """\
Benchmarks on a Kubernetes control plane and a Redis that are started on this machine for them. Each scenario prints
tables and writes one JSON document, with all figures and what they were measured on, to docs/bench.
"""
_EXAMPLES = f"""\
examples:
  {_PROGRAM} burst                      the whole scenario, with what it writes
  {_PROGRAM} burst --help               its options, and examples
  {_PROGRAM} burst --pairs 1 --no-write only look
  {_PROGRAM} show                       the tables of all documents in docs/bench once more
  {_PROGRAM} plots                      draw docs/bench/*.svg from them
  {_PROGRAM} all                        every scenario, then the plots; takes hours
  make bench SCENARIO=burst ARGS="--pairs 1"
"""
_PIPED = 200
"""As wide as the widest table: in a file nothing is cut off."""
_ERRORS = (BenchError, StackError, SettingsError, WatchError, ApiError, ApiUnreachableError, RedisError, ValueError)


class Scenario(Protocol):
    """A module that is a scenario. DETAILS and EXAMPLES (options only) it may have, for its --help."""

    SUMMARY: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Say], Awaitable[Document]]
    tables: Callable[[Document], Iterable[Table]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit code: 1 where an occurrence was missed, double or early, or on an error."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(arguments).parse_args(arguments)
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPED)
    try:
        match options.scenario:
            case "show":
                return _show(console, options.files)
            case "plots":
                return _plots(console, options.directory)
            case "all":
                return _all(console)
            case _:
                options.command = shlex.join(["python", "-m", "tests.bench", *arguments])
                return _run(console, options)
    except _ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


def _run(console: Console, options: argparse.Namespace) -> int:
    module = _module(options.scenario)

    def say(text: str) -> None:
        console.print(f"{options.scenario}: {text}", soft_wrap=True)

    if not options.no_write:
        options.json.parent.mkdir(parents=True, exist_ok=True)
    document = asyncio.run(_document(module, options, say))
    if not options.no_write:
        write_document(document, options.json)
    print_document(console, document, module.tables(document))
    if not options.no_write:
        console.print(f"\nwritten to {_short(options.json)}", soft_wrap=True)
    return 1 if document["faults"] else 0


async def _document(module: Scenario, options: argparse.Namespace, say: Say) -> Document:
    task = asyncio.current_task()
    assert task is not None
    # So that stacks, with their processes and folders, are gone before this process is.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await module.run(options, say)


def _all(console: Console) -> int:
    """Every scenario with its own defaults; one that fails does not keep the others from running."""
    codes = []
    for name in SCENARIOS:
        console.print(f"\n{name}: {_module(name).SUMMARY}", style="bold")
        codes.append(main([name]))
        if codes[-1] > 128:
            return codes[-1]
    return max([*codes, main(["plots"])])


def _show(console: Console, files: Sequence[Path]) -> int:
    for path in files or sorted(DIRECTORY.glob("*.json")):
        document = read_document(path)
        if document["scenario"] not in SCENARIOS:
            raise ValueError(f"{path} is of a scenario {document['scenario']!r}, which is not known here")
        console.print(f"\n{document['scenario']} ({_short(path)})", style="bold")
        print_document(console, document, _module(document["scenario"]).tables(document))
    return 0


def _plots(console: Console, directory: Path) -> int:
    # Only this needs matplotlib, which takes a second to import.
    from tests.bench.plots import draw_all

    for path in draw_all(directory):
        console.print(f"written: {_short(path)}", soft_wrap=True)
    return 0


def _module(name: str) -> Scenario:
    return cast("Scenario", importlib.import_module(SCENARIOS[name]))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=_DESCRIPTION, epilog=_EXAMPLES, formatter_class=raw)
    commands = parser.add_subparsers(dest="scenario", metavar="SCENARIO", required=True)
    for name in SCENARIOS if not arguments or arguments[0] not in SCENARIOS else arguments[:1]:
        module = _module(name)
        examples = "\n".join(f"  {_PROGRAM} {name} {options}" for options in getattr(module, "EXAMPLES", ()))
        scenario = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=f"{module.SUMMARY}\n\n{getattr(module, 'DETAILS', '')}",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=raw,
        )
        module.add_options(scenario)
        scenario.add_argument(
            "--json",
            type=writable,
            default=DIRECTORY / f"{name}.json",
            metavar="FILE",
            help=f"write the document there (docs/bench/{name}.json)",
        )
        scenario.add_argument("--no-write", action="store_true", help="write nothing, only print")
    show = commands.add_parser("show", help="print the tables of documents that were written before")
    show.add_argument("files", nargs="*", type=Path, metavar="FILE", help="documents (all in docs/bench)")
    plots = commands.add_parser("plots", help="draw what the documents in a folder have, as SVG beside them")
    plots.add_argument("directory", nargs="?", type=Path, default=DIRECTORY, metavar="FOLDER", help="(docs/bench)")
    commands.add_parser("all", help="every scenario with its defaults, then the plots; takes hours")
    return parser


def _short(path: Path) -> Path:
    with contextlib.suppress(ValueError):
        return path.resolve().relative_to(Path.cwd())
    return path


if __name__ == "__main__":
    sys.exit(main())
