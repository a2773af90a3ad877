"""`redistimer next`: when timers will fire. Here, its flags, and what it reads of those in files."""

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence

import typer

from controller.cli.cluster import EXIT_FAILED, CommandError, failed
from controller.cli.columns import printable
from controller.cli.documents import read_files, title_of
from controller.cli.flags import add_output, add_where, instant, new_parser, timer_name, whole_number
from controller.cli.forecast.answers import print_answers
from controller.cli.forecast.manifests import AnyManifest, BadManifest, OtherManifest, manifest_of
from controller.cli.forecast.upcoming import Forecast, forecast

_MOST = 100_000

_DESCRIPTION = """\
When timers will fire, worked out from their specs in the same way as the controller does.

Of the RedisTimers in a cluster: all their runs together in the order of firing, and below them what does not fire, and
why. Of those named, or of those in files with -f: the next times of each, with what `exclude` leaves out and which
entry does. With -f no cluster is asked. There a manifest without a creation time is read as if it were applied at
--from; only what says when is checked; and whatever is neither a RedisTimer nor a CronJob is passed over.

A time is that at which a timer fires; NOTE says how much of it is jitter. In JSON and YAML, next has the nominal times,
and beside it, where there is jitter, firesAt has those at which it fires."""

_EXAMPLES = """\
examples:
  %(prog)s -A -n 20                        the next twenty runs in the cluster
  %(prog)s report                          the next ten times of one timer
  %(prog)s -f timer.yaml                   of each timer in a file
  kustomize build . | %(prog)s -f - -n 3   of everything in a pipe
  %(prog)s -f timers/ -o json              a line for each manifest in a folder, for programs
  %(prog)s -f cronjob.yaml --from 2027-03-27T00:00:00Z
                                                  what a CronJob would do as a RedisTimer, from an instant on

exit codes, in the cluster: 0 all timers that are shown or listed are ready, or there is none, 1 at least one is not
(its spec or jobTemplate is wrong, its Job is refused), or one that is named is not there, 2 the command line or
kubeconfig is wrong. A timer that is suspended, stopped after failures or complete is no reason for 1.
With -f: 0 all manifests are good, 1 at least one is not or there is none, 2 the command line is wrong"""


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
        return failed(error)
    if not found:
        return failed(CommandError(f"no RedisTimer and no CronJob in {', '.join(map(title_of, options.files))}"))
    return EXIT_FAILED if bad else 0


def _forecasts(manifests: Iterable[AnyManifest], options: argparse.Namespace) -> Iterator[Forecast | BadManifest]:
    for manifest in manifests:
        if isinstance(manifest, OtherManifest):
            typer.echo(f"passed over: {printable(manifest.title)} is no RedisTimer and no CronJob", err=True)
        else:
            yield forecast(manifest, options.start, options.namespace or "default")


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("next", _DESCRIPTION, _EXAMPLES)
    option = parser.add_argument
    option(
        "names",
        type=timer_name,
        nargs="*",
        metavar="NAME",
        help="a RedisTimer in the cluster; all of the namespace without one",
    )
    option("-n", "--count", type=_count, default=10, metavar="COUNT", help="how many times to show (10)")
    option("--from", dest="start", type=instant, metavar="TIME", help="what fires after this instant (now)")
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
    try:
        return whole_number(_MOST)(text)
    except argparse.ArgumentTypeError as error:
        if not any(character.isalpha() for character in text):
            raise
        # What -n is to kubectl.
        raise argparse.ArgumentTypeError(f"{error}; for a namespace write --namespace {text}") from None
