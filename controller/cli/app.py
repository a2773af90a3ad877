"""The commands. Each imports what it needs and reads its own flags, so that it starts quickly."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from controller.cli.flags import program, version

Command = Callable[[Sequence[str]], int]


def _next(arguments: Sequence[str]) -> int:
    """Tell when timers fire, in the cluster or in files."""
    from controller.cli.forecast.command import run_next

    return run_next(arguments)


def _trigger(arguments: Sequence[str]) -> int:
    """Run a timer's Job now, by hand."""
    from controller.cli.trigger import run_trigger

    return run_trigger(arguments)


def _suspend(arguments: Sequence[str]) -> int:
    """Stop timers from firing."""
    from controller.cli.suspend import run_suspend

    return run_suspend(arguments)


def _resume(arguments: Sequence[str]) -> int:
    """Let suspended timers fire again, from now on."""
    from controller.cli.suspend import run_resume

    return run_resume(arguments)


def _backfill(arguments: Sequence[str]) -> int:
    """Run a timer for a span of time that has passed."""
    from controller.cli.backfill.command import run_backfill

    return run_backfill(arguments)


def _import(arguments: Sequence[str]) -> int:
    """Make RedisTimers of CronJobs."""
    from controller.cli.convert.importing import run_import

    return run_import(arguments)


def _export(arguments: Sequence[str]) -> int:
    """Make CronJobs of RedisTimers."""
    from controller.cli.convert.exporting import run_export

    return run_export(arguments)


def _doctor(arguments: Sequence[str]) -> int:
    """Find out what is wrong with an installation."""
    from controller.cli.doctor.command import run_doctor

    return run_doctor(arguments)


def _completion(arguments: Sequence[str]) -> int:
    """Print what makes a shell complete these commands."""
    from controller.cli.completion import run_completion

    return run_completion(arguments)


def _controller(arguments: Sequence[str]) -> int:
    """Keep index and status up to date. One leads, others stand by."""
    from controller.cli.roles import run_role

    run_role("controller", list(arguments))
    return 0


def _worker(arguments: Sequence[str]) -> int:
    """Create Jobs at their times. Any number run side by side."""
    from controller.cli.roles import run_role

    run_role("worker", list(arguments))
    return 0


COMMANDS: dict[str, Command] = {
    "next": _next,
    "trigger": _trigger,
    "suspend": _suspend,
    "resume": _resume,
    "backfill": _backfill,
    "import": _import,
    "export": _export,
    "doctor": _doctor,
    "completion": _completion,
    "controller": _controller,
    "worker": _worker,
}
"""In the order of the help."""

COMPLETE = "__complete"
"""What the scripts of `completion` call."""


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"redistimer {version()}")
        raise typer.Exit


app = typer.Typer(
    name="redistimer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help does not wait for rich.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(
    help="RedisTimers become Kubernetes Jobs: on time, once.\n\n"
    "redistimer COMMAND --help tells what a command does, with its flags and examples.".replace("redistimer", program())
)
def _top(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Show the version and exit.", callback=_show_version)
    ] = False,
) -> None:
    pass


def _add(name: str, command: Command) -> None:
    # The flags of a role are the fields of Settings, which pydantic reads; those of the others are read by argparse.
    own_flags = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

    @app.command(
        name, help=command.__doc__, short_help=command.__doc__, context_settings=own_flags, add_help_option=False
    )
    def run(context: typer.Context) -> None:
        raise typer.Exit(command(context.args))


for _name, _command in COMMANDS.items():
    _add(_name, _command)


def main() -> None:
    """Entry point of the `redistimer` command, and of kubectl's plugin."""
    # Past typer, which loads pydantic even for flags of its own: that takes as long as all that `next` does with a file
    # of usual size.
    name, arguments = next(iter(sys.argv[1:]), ""), sys.argv[2:]
    if name == COMPLETE:
        sys.exit(_ended_in_order(lambda: _complete(arguments)))
    if name in COMMANDS and name not in ("controller", "worker"):
        sys.exit(_ended_in_order(lambda: COMMANDS[name](arguments)))
    app(prog_name=program())


def complete_for_kubectl() -> None:
    """Entry point of the program that kubectl asks how to complete the plugin's command line."""
    sys.exit(_ended_in_order(lambda: _complete(sys.argv[1:])))


def _complete(arguments: Sequence[str]) -> int:
    from controller.cli.completing import run_complete

    return run_complete(COMMANDS, arguments)


def _ended_in_order(command: Callable[[], int]) -> int:
    """The exit code of a command; that of the signal, where its reader went away or somebody pressed Ctrl-C."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
