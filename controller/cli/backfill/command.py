"""`redistimer backfill`: the Jobs that a timer would have had in a span of time that has passed."""

import argparse
from collections.abc import Sequence

from controller.cli.cluster import run
from controller.cli.flags import add_output, add_where, instant, new_parser, timer_name, whole_number
from controller.core.backfill import Span
from controller.core.instants import rfc3339
from controller.loops import wall_clock_ms

_MOST_AT_ONCE = 1000
_MOST = 100_000

_DESCRIPTION = """\
The Jobs that a timer would have had in a span of time that has passed: one for each nominal time T with
FROM < T <= TO, oldest first. What would be done is told first, and nothing is created before you say yes.

The Jobs have the names that the schedule gives them, so a time whose Job still exists is not run again: it counts as
found. The nominal times follow from the timer's spec as it is now, and may lie before the timer was created. But an
every without startTime, an @every and an afterCreation count from the creation, and have none before it.

How far it is, the timer remembers in its annotation redistimer.dev/backfill. After Ctrl-C, a crash or an error the same
command goes on where it stopped, whatever became of the Jobs that it had created: one that failed is not run again.
--again starts over. When the schedule is edited or somebody else begins a backfill of this timer, it stops and says so.
An edit of jobTemplate counts from the next Job on.

The schedule runs on beside it. --to cannot lie in the future: what comes then is run by the schedule. The Jobs are
created with your rights: needed are create, get, list and watch for Jobs, get and patch for RedisTimers."""

_EXAMPLES = """\
examples:
  %(prog)s report --from 2026-11-01T00:00:00Z --to 2026-11-20T00:00:00Z
                                     what it would do; then it asks
  %(prog)s report --from 2026-11-01T00:00:00Z --to 2026-11-20T00:00:00Z --yes --max-concurrent 5
                                     does it without asking, five Jobs at a time
  %(prog)s report --from 2026-11-01T00:00:00Z --to 2026-11-20T00:00:00Z --dry-run -o json
                                     the plan, for programs

exit codes: 0 every time has its Job and none failed, 1 a Job failed or something is in the way, 2 the command line is
wrong or --yes is missing, 130 it was interrupted"""


def run_backfill(arguments: Sequence[str]) -> int:
    """Tell the plan, ask, carry it out; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    now_ms = wall_clock_ms()
    if options.to > now_ms:
        parser.error(
            f"--to {rfc3339(options.to)} is in the future: accepted is an instant until now, {rfc3339(now_ms)}. What "
            "comes later is run by the schedule"
        )
    if options.start >= options.to:
        parser.error(
            f"--from {rfc3339(options.start)} is not before --to {rfc3339(options.to)}: nothing lies between; exchange "
            "them, or move --to"
        )
    # What talks to a cluster takes long to import, and a wrong flag needs none of it.
    from controller.cli.backfill.flow import backfill

    return run(backfill(options, Span(options.start, options.to), now_ms))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("backfill", _DESCRIPTION, _EXAMPLES)
    option = parser.add_argument
    option("name", type=timer_name, metavar="NAME", help="the RedisTimer")
    option(
        "--from",
        dest="start",
        type=instant,
        required=True,
        metavar="FROM",
        help="nominal times after this instant",
    )
    option("--to", type=instant, required=True, metavar="TO", help="and until this one, itself included")
    option(
        "--max-concurrent",
        type=whole_number(_MOST_AT_ONCE),
        default=1,
        metavar="COUNT",
        help="how many Jobs of backfills may be unfinished at a time (1)",
    )
    option(
        "--limit",
        type=whole_number(_MOST),
        default=1000,
        metavar="COUNT",
        help="refuse a span with more nominal times than this (1000)",
    )
    option("--stop-on-failure", action="store_true", help="create no more Jobs after one has failed")
    option("--again", action="store_true", help="start over, where this span was begun or done before")
    agreed = parser.add_mutually_exclusive_group()
    agreed.add_argument("--dry-run", action="store_true", help="only print the plan")
    agreed.add_argument("-y", "--yes", action="store_true", help="do not ask")
    add_output(parser)
    add_where(parser)
    return parser
