"""The commands. Each imports what it needs and reads its own flags, so that `next` starts quickly."""

import os
import signal
import sys
from collections.abc import Callable

import typer

app = typer.Typer(
    name="redistimer",
    help="RedisTimers become Kubernetes Jobs: on time, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help does not wait for rich.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The flags of a role are the fields of Settings, which pydantic reads; those of `next` are read by argparse.
_OWN_FLAGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("controller", context_settings=_OWN_FLAGS, add_help_option=False)
def controller(context: typer.Context) -> None:
    """Keep the index equal to the cluster's RedisTimers, and their status true. One leads, others stand by."""
    from controller.cli.roles import run_role

    run_role("controller", context.args)


@app.command("worker", context_settings=_OWN_FLAGS, add_help_option=False)
def worker(context: typer.Context) -> None:
    """Create the Job of each RedisTimer at its time. Any number run side by side."""
    from controller.cli.roles import run_role

    run_role("worker", context.args)


@app.command("next", context_settings=_OWN_FLAGS, add_help_option=False)
def next_(context: typer.Context) -> None:
    """Tell when the timers in files will fire. No cluster is asked."""
    from controller.cli.next import run_next

    raise typer.Exit(run_next(context.args))


def main() -> None:
    """Entry point of the `redistimer` command."""
    # Past typer, which loads pydantic even for flags of its own: that takes as long as all that `next` does with a file
    # of usual size.
    if sys.argv[1:2] == ["next"]:
        from controller.cli.next import run_next

        sys.exit(_ended_in_order(lambda: run_next(sys.argv[2:])))
    app()


def _ended_in_order(command: Callable[[], int]) -> int:
    """The exit code of a command; that of the signal, where its reader went away or somebody pressed Ctrl-C."""
    try:
        return command()
    except BrokenPipeError:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
