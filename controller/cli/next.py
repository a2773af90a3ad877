"""`redistimer next -f`: when the timers in files will fire."""

import os
import sys
import time
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

_STANDARD_INPUT = "standard input"
_SUFFIXES = (".yaml", ".yml", ".json")


def print_next(files: list[str], count: int, start: str | None, namespace: str, as_json: bool) -> int:
    """Print the next `count` times of every timer in the files; the exit code."""
    start_ms = time.time_ns() // 1_000_000 if start is None else _instant(start)
    # All of them first: a name that is wrong is found before anything is printed.
    contents = [(_STANDARD_INPUT if file == "-" else file, _content(file)) for name in files for file in _files(name)]
    coloured = False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
    found = bad = 0
    for manifest in (manifest for source, content in contents for manifest in _read(source, content)):
        if isinstance(manifest, OtherManifest):
            typer.echo(f"passed over: {printable(manifest.title)} is no RedisTimer and no CronJob", err=True)
            continue
        answer = forecast(manifest, start_ms, namespace)
        found += 1
        bad += isinstance(answer, BadManifest)
        if as_json and isinstance(answer, Forecast):
            for warning in warnings_on(answer):
                typer.echo(f"warning: {printable(answer.timing.owner)}: {warning}", err=True)
        typer.echo(json_line(answer, count) if as_json else table(answer, count), color=coloured)
    if not found:
        places = ", ".join(_STANDARD_INPUT if file == "-" else file for file in files)
        typer.echo(f"error: no RedisTimer and no CronJob in {places}", err=True)
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
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="'-f'") from None


def _read(source: str, content: bytes) -> list[AnyManifest]:
    try:
        # PowerShell writes UTF-16.
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        return [BadManifest(source, f"not a text in UTF-8: {error.reason} at byte {error.start}")]
    return list(read_manifests(text, source))


def _instant(text: str) -> int:
    try:
        instant_ms = instant_at({"--from": text}, "--from")
    except SpecError:
        instant_ms = None
    if instant_ms is None or not 0 <= instant_ms < END_MS:
        raise typer.BadParameter(
            f"{text!r} is not an instant from 1970 to 2999: write date, time and offset, like 2026-11-22T10:00:00Z",
            param_hint="'--from'",
        )
    return instant_ms
