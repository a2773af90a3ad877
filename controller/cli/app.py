"""The commands, their options and their help."""

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(
    name="redistimer",
    help="RedisTimers become Kubernetes Jobs: on time, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: it keeps the examples in shape, and does not wait for rich.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The flags of a role are the fields of Settings; pydantic reads them, --help included.
_ROLE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

_NEXT_EXAMPLES = """\
examples:

\b
  redistimer next -f timer.yaml                       the next ten times of each timer in a file
  kustomize build . | redistimer next -f - -n 3       of everything in a pipe
  redistimer next -f cronjob.yaml --from 2027-03-27T00:00:00Z
                                                      what a CronJob would do as a RedisTimer, from an instant on
  redistimer next -f timers.yaml -o json              a line for each manifest, for programs

\b
exit codes: 0 all timers are good, 1 at least one is not or there is none, 2 the command line is wrong
"""


class Output(StrEnum):
    """What to print."""

    TABLE = "table"
    JSON = "json"


@app.command("controller", context_settings=_ROLE, add_help_option=False)
def controller(context: typer.Context) -> None:
    """Keep the index equal to the cluster's RedisTimers, and their status true. One leads, others stand by."""
    from controller.cli.roles import run_role

    run_role("controller", context.args)


@app.command("worker", context_settings=_ROLE, add_help_option=False)
def worker(context: typer.Context) -> None:
    """Create the Job of each RedisTimer at its time. Any number run side by side."""
    from controller.cli.roles import run_role

    run_role("worker", context.args)


@app.command("next", epilog=_NEXT_EXAMPLES)
def next_(
    files: Annotated[
        list[str],
        typer.Option(
            "-f", "--filename", metavar="FILE", help="A file or folder with RedisTimers or CronJobs; - is stdin."
        ),
    ],
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=100_000, help="How many times to show for each timer.")
    ] = 10,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Nominal times after this instant (RFC 3339). Now by default."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", help="Namespace of manifests that name none; H and jitter go by it.")
    ] = "default",
    output: Annotated[Output, typer.Option("-o", "--output", help="What to print.")] = Output.TABLE,
) -> None:
    """When timers will fire, worked out from their manifests alone: no cluster is asked.

    A manifest without a creation time is read as if it were applied at --from. The table also shows what `exclude`
    leaves out, and which entry does. Only what says when is checked. Whatever in the files is neither a RedisTimer nor
    a CronJob is passed over.
    """
    from controller.cli.next import print_next

    raise typer.Exit(print_next(files, count, start, namespace, as_json=output is Output.JSON))


def main() -> None:
    """Entry point of the `redistimer` command."""
    app()
