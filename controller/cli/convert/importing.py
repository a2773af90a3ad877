"""`redistimer import`: RedisTimers that do what CronJobs do."""

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from controller.cli.convert.converting import Step, Way, add_sources, check_sources, convert_all
from controller.cli.flags import new_parser, program
from controller.core.cronjob.conversion import CRON_JOB, Converted, to_timer
from controller.core.problems import SpecError
from controller.core.schedule.zones import zone_of
from controller.core.timer import KIND

_DESCRIPTION = """\
Make RedisTimers of CronJobs: of those in the cluster, or of those in files. Nothing is applied: the manifests are
printed, and on standard error what does not stay the same. What cannot be converted is told with the field that is in
the way; the others are printed all the same."""

_EXAMPLES = """\
examples:
  %(prog)s report                       one CronJob of the namespace
  %(prog)s -A -l team=billing           all with a label, in all namespaces
  %(prog)s -f cronjobs/ > timers.yaml   of a folder with manifests
  %(prog)s --suspend | kubectl apply -f -
                                                all of the namespace, suspended until you resume them

A CronJob and its RedisTimer both run until the CronJob is suspended or deleted. With --suspend the timers wait: apply
them, suspend the CronJobs, resume the timers, and delete the CronJobs when their Jobs are done.

exit codes: 0 all are converted, 1 at least one is not or there is none, 2 the command line or kubeconfig is wrong"""


def run_import(arguments: Sequence[str]) -> int:
    """Print RedisTimers for CronJobs; the exit code."""
    parser = new_parser("import", _DESCRIPTION, _EXAMPLES)
    add_sources(parser, CRON_JOB)
    parser.add_argument("--suspend", action="store_true", help="make the timers suspended, so that nothing runs twice")
    parser.add_argument(
        "--time-zone",
        type=_zone,
        metavar="ZONE",
        help="time zone for CronJobs without timeZone (default: UTC); give the one your kube-controller-manager uses",
    )
    options = parser.parse_args(arguments)
    check_sources(parser, options)
    now_ms = time.time_ns() // 1_000_000

    def convert(cron_job: Mapping[str, Any], namespace: str) -> Converted:
        return to_timer(cron_job, namespace, now_ms, options.suspend, options.time_zone)

    steps = (
        Step("pipe {suspended} into kubectl apply -f -"),
        Step("""kubectl patch cronjob {name} -p '{{"spec":{{"suspend":true}}}}'""", of_running=True),
        Step(f"{program()} resume {{name}}", of_running=True, resumes=True),
        Step("kubectl delete cronjob {name}   when its Jobs are done: they go with it"),
    )
    return convert_all(Way(CRON_JOB, KIND, "batch", "v1", "cronjobs", convert, steps), options)


def _zone(text: str) -> str:
    try:
        return zone_of(text, "").name
    except SpecError as error:
        raise argparse.ArgumentTypeError(error.message.strip()) from None
