"""`redistimer next`: when timers will fire. Here, what it reads and prints of those in files."""

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer

from controller.cli.cluster import CommandError
from controller.cli.columns import printable
from controller.cli.documents import read_files, title_of
from controller.cli.flags import add_output, add_where, new_parser
from controller.cli.forecast.manifests import AnyManifest, BadManifest, OtherManifest, manifest_of
from controller.cli.forecast.table import table, warnings_on
from controller.cli.forecast.upcoming import Forecast, forecast
from controller.cli.output import coloured, dump, json_line
from controller.core.instants import rfc3339
from controller.core.problems import SpecError
from controller.core.schedule.occurrences import END_MS
from controller.core.spec import instant_at

EXIT_BAD_MANIFEST = 1
EXIT_USAGE = 2

_MOST = 100_000

_DESCRIPTION = """\
When timers will fire, worked out from their specs in the same way as the controller does.

Of the RedisTimers in a cluster: all their runs together in the order of firing, and below them what does not fire, and
why. Of those named, or of those in files with -f: the next times of each, with what `exclude` leaves out and which
entry does. With -f no cluster is asked. There a manifest without a creation time is read as if it were applied at
--from; only what says when is checked; and whatever is neither a RedisTimer nor a CronJob is passed over."""

_EXAMPLES = """\
examples:
  %(prog)s -A -n 20                        the next twenty runs in the cluster
  %(prog)s report                          the next ten times of one timer
  %(prog)s -f timer.yaml                   of each timer in a file
  kustomize build . | %(prog)s -f - -n 3   of everything in a pipe
  %(prog)s -f timers/ -o json              a line for each manifest in a folder, for programs
  %(prog)s -f cronjob.yaml --from 2027-03-27T00:00:00Z
                                                  what a CronJob would do as a RedisTimer, from an instant on

exit codes: 0 all timers are good, 1 at least one is not or there is none, 2 the command line is wrong"""


def run_next(arguments: Sequence[str]) -> int:
    """Print the next times of timers; the exit code."""
    options = _parsed(arguments)
    if options.files:
        return _next_in_files(options)
    # What talks to a cluster takes longer to import than everything that is done with files.
    from controller.cli.forecast.in_cluster import next_in_cluster

    return next_in_cluster(options)


def _next_in_files(options: argparse.Namespace) -> int:
    try:
        found, bad = print_answers(_forecasts(map(manifest_of, read_files(options.files)), options), options)
    except CommandError as error:
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    if not found:
        typer.echo(f"error: no RedisTimer and no CronJob in {', '.join(map(title_of, options.files))}", err=True)
    return EXIT_BAD_MANIFEST if bad or not found else 0


def _forecasts(manifests: Iterable[AnyManifest], options: argparse.Namespace) -> Iterator[Forecast | BadManifest]:
    for manifest in manifests:
        if isinstance(manifest, OtherManifest):
            typer.echo(f"passed over: {printable(manifest.title)} is no RedisTimer and no CronJob", err=True)
        else:
            yield forecast(manifest, options.start, options.namespace or "default")


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
    """Namespace, name and next, nominal times in UTC; or name and error."""
    if isinstance(answer, BadManifest):
        return {"name": answer.name, "error": answer.error}
    told: dict[str, Any] = {
        "namespace": answer.namespace,
        "name": answer.manifest.name,
        "next": [rfc3339(occurrence_ms) for occurrence_ms in answer.occurrences(count)],
    }
    if answer.manifest.suspended:
        told["suspended"] = True
    if answer.held:
        told["reason"], told["message"] = answer.held
    return told


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("next", _DESCRIPTION, _EXAMPLES)
    option = parser.add_argument
    option("names", nargs="*", metavar="NAME", help="a RedisTimer in the cluster; all of the namespace without one")
    option("-n", "--count", type=_count, default=10, metavar="COUNT", help="how many times to show (10)")
    option("--from", dest="start", type=_instant, metavar="TIME", help="what fires after this instant (now)")
    option("-l", "--selector", metavar="SELECTOR", help="timers with these labels, like team=billing")
    option(
        *("-f", "--filename"),
        dest="files",
        metavar="FILE",
        action="append",
        help="a file or folder with RedisTimers or CronJobs, - for standard input; may be given several times. Those "
        "that name no namespace are taken to be in --namespace (default); H and jitter go by the namespace",
    )
    add_output(parser)
    add_where(parser, all_namespaces=True, short_namespace=False)
    options = parser.parse_args(arguments)
    of_cluster = [options.names, options.selector, options.all_namespaces, options.context, options.kubeconfig]
    if options.files and any(of_cluster):
        parser.error("-f reads files and asks no cluster: names, -l, -A, --context and --kubeconfig do not go with it")
    if options.names and (options.selector or options.all_namespaces):
        parser.error("names do not go with -l or -A")
    options.now = time.time_ns() // 1_000_000
    options.start = options.now if options.start is None else options.start
    return options


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
