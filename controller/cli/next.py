"""`redistimer next -f`: when the timers in files will fire."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson
import typer

from controller.cli.manifests import AnyManifest, BadManifest, OtherManifest, read_manifests
from controller.cli.table import printable, table, warnings_on
from controller.cli.upcoming import Forecast, forecast
from controller.core.instants import rfc3339
from controller.core.problems import SpecError
from controller.core.schedule.occurrences import END_MS
from controller.core.spec import instant_at

EXIT_BAD_MANIFEST = 1
EXIT_USAGE = 2

_MOST = 100_000
_SUFFIXES = (".yaml", ".yml", ".json")

_DESCRIPTION = """\
When timers will fire, worked out from their manifests alone: no cluster is asked.

A manifest without a creation time is read as if it were applied at --from. The table also shows what `exclude` leaves
out, and which entry does. Only what says when is checked. Whatever in the files is neither a RedisTimer nor a CronJob
is passed over."""

_EXAMPLES = """\
examples:
  redistimer next -f timer.yaml                      the next ten times of each timer in a file
  kustomize build . | redistimer next -f - -n 3      of everything in a pipe
  redistimer next -f timers/ -o json                 a line for each manifest in a folder, for programs
  redistimer next -f cronjob.yaml --from 2027-03-27T00:00:00Z
                                                     what a CronJob would do as a RedisTimer, from an instant on

exit codes: 0 all timers are good, 1 at least one is not or there is none, 2 the command line is wrong"""


def run_next(arguments: Sequence[str]) -> int:
    """Print the next times of every timer in the files; the exit code."""
    options = _parser().parse_args(arguments)
    start_ms = time.time_ns() // 1_000_000 if options.start is None else options.start
    as_json = options.output == "json"
    coloured = False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
    # All of them first: a name that is wrong is found before anything is printed.
    contents = [(_title(file), _content(file)) for name in options.files for file in _files(name)]
    found = bad = 0
    for manifest in (manifest for title, content in contents for manifest in _read(title, content)):
        if isinstance(manifest, OtherManifest):
            typer.echo(f"passed over: {printable(manifest.title)} is no RedisTimer and no CronJob", err=True)
            continue
        answer = forecast(manifest, start_ms, options.namespace)
        found += 1
        bad += isinstance(answer, BadManifest)
        if as_json and isinstance(answer, Forecast):
            for warning in warnings_on(answer):
                typer.echo(f"warning: {printable(answer.timing.owner)}: {warning}", err=True)
        typer.echo((json_line if as_json else table)(answer, options.count), color=coloured)
    if not found:
        typer.echo(f"error: no RedisTimer and no CronJob in {', '.join(map(_title, options.files))}", err=True)
    return EXIT_BAD_MANIFEST if bad or not found else 0


def json_line(answer: Forecast | BadManifest, count: int) -> str:
    """One object: namespace, name and next, nominal times in UTC; or name and error."""
    if isinstance(answer, BadManifest):
        return orjson.dumps({"name": answer.name, "error": answer.error}).decode()
    told = {
        "namespace": answer.namespace,
        "name": answer.manifest.name,
        "next": [rfc3339(occurrence_ms) for occurrence_ms in answer.occurrences(count)],
    }
    return orjson.dumps(told | ({"suspended": True} if answer.manifest.suspended else {})).decode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="redistimer next",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    option = parser.add_argument
    option(
        *("-f", "--filename"),
        dest="files",
        metavar="FILE",
        action="append",
        required=True,
        help="a file or folder with RedisTimers or CronJobs, - for standard input; may be given several times",
    )
    option("-n", "--count", type=_count, default=10, metavar="COUNT", help="how many times to show for each timer (10)")
    option("--from", dest="start", type=_instant, metavar="TIME", help="nominal times after this instant (now)")
    option(
        "--namespace", default="default", help="of manifests that name none (default); H and jitter go by the namespace"
    )
    option("-o", "--output", choices=("table", "json"), default="table", help="what to print (table)")
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted: write a whole number from 1 to {_MOST}")
    return int(text)


def _instant(text: str) -> int:
    try:
        instant_ms = instant_at({"--from": text}, "--from")
    except SpecError:
        instant_ms = None
    if instant_ms is None or instant_ms >= END_MS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an instant from 1970 to 2999: write date, time and offset, like 2026-11-22T10:00:00Z"
        )
    return instant_ms


def _title(file: str) -> str:
    return "standard input" if file == "-" else file


def _files(name: str) -> list[str]:
    """A file, or those of a folder that kubectl would take."""
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        return [name]
    return sorted(str(file) for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())


def _content(file: str) -> bytes:
    try:
        if file != "-":
            return Path(file).read_bytes()
        return sys.stdin.buffer.read() if sys.stdin is not None else b""
    except OSError as error:
        typer.echo(f"error: {file} cannot be read: {error.strerror}", err=True)
        raise SystemExit(EXIT_USAGE) from None


def _read(title: str, content: bytes) -> list[AnyManifest]:
    try:
        # PowerShell writes UTF-16.
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        return [BadManifest(title, f"not a text in UTF-8: {error.reason} at byte {error.start}")]
    return list(read_manifests(text, title))
