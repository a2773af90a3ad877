"""The `redistimer` command."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import typer

from controller.kube.errors import ApiError, LeadershipLostError
from controller.observe.logs import set_up_logs
from controller.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    name="redistimer",
    help="RedisTimers become Kubernetes Jobs: on time, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# The flags of a role are the fields of Settings; pydantic reads them, --help included.
_ROLE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

EXIT_REFUSED = 1
EXIT_SETTINGS = 2
EXIT_LEADERSHIP_LOST = 3


@app.command("controller", context_settings=_ROLE, add_help_option=False)
def controller(context: typer.Context) -> None:
    """Keep the index equal to the cluster's RedisTimers, and their status true. One leads, others stand by."""
    from controller.reconcile.main import run_controller

    _run_role("controller", context.args, run_controller)


@app.command("worker", context_settings=_ROLE, add_help_option=False)
def worker(context: typer.Context) -> None:
    """Create the Job of each RedisTimer at its time. Any number run side by side."""
    # Each role imports only what it needs: kopf alone would cost every worker 25 MB.
    from controller.worker.main import run_worker

    _run_role("worker", context.args, run_worker)


def _run_role(name: str, arguments: list[str], role: Callable[[Settings], Awaitable[None]]) -> None:
    try:
        settings = load_settings(arguments, f"redistimer {name}")
        set_up_logs(settings.log_format, settings.log_level)
        asyncio.run(_awaited(role, settings))
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_SETTINGS) from None
    except ApiError as error:
        print(f"error: the API server refuses what this role needs: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_REFUSED) from None
    except LeadershipLostError:
        print("error: leadership is lost; start again to stand by", file=sys.stderr)
        raise typer.Exit(EXIT_LEADERSHIP_LOST) from None


async def _awaited(role: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await role(settings)


def main() -> None:
    """Entry point of the `redistimer` command."""
    app()
