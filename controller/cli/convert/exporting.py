"""`redistimer export`: CronJobs that do what RedisTimers do, where a CronJob can."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from controller.cli.convert.converting import Step, Way, add_sources, check_sources, convert_all
from controller.cli.flags import new_parser, program
from controller.core.cronjob.conversion import CRON_JOB, Converted, to_cron_job
from controller.core.timer import GROUP, KIND, PLURAL, VERSION

_DESCRIPTION = """\
Make CronJobs of RedisTimers: of those in the cluster, or of those in files. Nothing is applied: the manifests are
printed, and on standard error what does not stay the same. What a CronJob cannot do (seconds, intervals, jitter,
excluded days and more) is told with its field; the others are printed all the same."""

_EXAMPLES = """\
examples:
  %(prog)s report                        one RedisTimer of the namespace
  %(prog)s -A > cronjobs.yaml            all of the cluster
  %(prog)s -f timers/ -n billing         of a folder, as if of this namespace where none is named: H goes by it

H is written out as the value that it has for the timer.

exit codes: 0 all are converted, 1 at least one is not or there is none, 2 the command line or kubeconfig is wrong"""


def run_export(arguments: Sequence[str]) -> int:
    """Print CronJobs for RedisTimers; the exit code."""
    parser = new_parser("export", _DESCRIPTION, _EXAMPLES)
    add_sources(parser, KIND)
    parser.add_argument(
        "--suspend",
        action="store_true",
        help="make the CronJobs suspended; when resumed, each makes up for its last run, whoever has done that",
    )
    options = parser.parse_args(arguments)
    check_sources(parser, options)
    now_ms = time.time_ns() // 1_000_000

    def convert(timer: Mapping[str, Any], namespace: str) -> Converted:
        return to_cron_job(timer, namespace, now_ms, options.suspend)

    # A CronJob that is there before the last run, and is resumed after it, makes up for that run: so it must not be.
    steps = (
        Step("keep this in a file: once a RedisTimer is suspended, so is what is made of it", of_running=True),
        Step(f"{program()} suspend {{name}}", of_running=True),
        Step("kubectl delete cronjob {name} --ignore-not-found", of_running=True),
        Step("kubectl apply -f FILE"),
        Step("kubectl delete redistimer {name}   when its Jobs are done: they go with it"),
    )
    return convert_all(Way(KIND, CRON_JOB, GROUP, VERSION, PLURAL, convert, steps), options)
