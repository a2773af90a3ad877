"""What `redistimer next` prints of timers one by one, as -o says."""

import argparse
from collections.abc import Iterable
from typing import Any

import typer

from controller.cli.columns import printable
from controller.cli.forecast.manifests import BadManifest
from controller.cli.forecast.table import table, warnings_on
from controller.cli.forecast.upcoming import Forecast
from controller.cli.output import coloured, dump, json_line
from controller.core.instants import rfc3339


def print_answers(answers: Iterable[Forecast | BadManifest], options: argparse.Namespace) -> tuple[int, int]:
    """Print each as -o says; how many there were, and how many of them bad."""
    found = bad = 0
    listed: list[dict[str, Any]] = []
    for answer in answers:
        found += 1
        bad += isinstance(answer, BadManifest)
        if options.output == "table":
            typer.echo(table(answer, options.count), color=coloured())
            continue
        if isinstance(answer, Forecast):
            for warning in warnings_on(answer):
                typer.echo(f"warning: {printable(answer.timing.owner)}: {warning}", err=True)
        told = _told(answer, options.count)
        if options.output == "yaml":
            listed.append(told)
        else:
            typer.echo(json_line(told))
    if listed:
        typer.echo(dump(listed, "yaml"))
    return found, bad


def _told(answer: Forecast | BadManifest, count: int) -> dict[str, Any]:
    """Namespace, name and next, nominal times in UTC, with jitter also firesAt; or name and error."""
    if isinstance(answer, BadManifest):
        return {"name": answer.name, "error": answer.error}
    occurrences = answer.occurrences(count)
    told: dict[str, Any] = {
        "namespace": answer.namespace,
        "name": answer.manifest.name,
        "next": [rfc3339(occurrence_ms) for occurrence_ms in occurrences],
    }
    if answer.timing.jitter_ms and told["next"]:
        told["firesAt"] = [rfc3339(due_ms) for due_ms in map(answer.timing.due_ms, occurrences)]
    if answer.manifest.suspended:
        told["suspended"] = True
    if answer.held:
        told["reason"], told["message"] = answer.held
    return told
