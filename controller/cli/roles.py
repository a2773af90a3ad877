"""Running a role until it ends, and what its end looks like to people."""

import asyncio
from collections.abc import Awaitable, Callable

import typer

from controller.cli.cluster import EXIT_LEADERSHIP_LOST, EXIT_USAGE, CommandError, failed
from controller.kube.errors import ApiError, LeadershipLostError
from controller.observe.logs import set_up_logs
from controller.settings import Settings, SettingsError, load_settings

Role = Callable[[Settings], Awaitable[None]]


def run_role(name: str, arguments: list[str]) -> None:
    """Run a role with these flags; raises typer.Exit with a code where it does not end well."""
    try:
        settings = load_settings(arguments, f"redistimer {name}")
        set_up_logs(settings.log_format, settings.log_level)
        asyncio.run(_awaited(_role(name), settings))
    except SettingsError as error:
        problem = CommandError(str(error), EXIT_USAGE)
    except ApiError as error:
        problem = CommandError(f"the API server refuses what this role needs: {error}")
    except LeadershipLostError:
        problem = CommandError("leadership is lost; start again to stand by", EXIT_LEADERSHIP_LOST)
    else:
        return
    raise typer.Exit(failed(problem))


def _role(name: str) -> Role:
    # Each role imports only what it needs: kopf alone would cost every worker 25 MB.
    if name == "controller":
        from controller.reconcile.main import run_controller

        return run_controller
    from controller.worker.main import run_worker

    return run_worker


async def _awaited(role: Role, settings: Settings) -> None:
    await role(settings)
