"""Running a role until it ends, and what its end looks like to people."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import typer

from controller.kube.errors import ApiError, LeadershipLostError
from controller.observe.logs import set_up_logs
from controller.settings import Settings, SettingsError, load_settings

Role = Callable[[Settings], Awaitable[None]]

EXIT_REFUSED = 1
EXIT_SETTINGS = 2
EXIT_LEADERSHIP_LOST = 3


def run_role(name: str, arguments: list[str]) -> None:
    """Run a role with these flags; raises typer.Exit with a code where it does not end well."""
    try:
        settings = load_settings(arguments, f"redistimer {name}")
        set_up_logs(settings.log_format, settings.log_level)
        asyncio.run(_awaited(_role(name), settings))
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_SETTINGS) from None
    except ApiError as error:
        print(f"error: the API server refuses what this role needs: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_REFUSED) from None
    except LeadershipLostError:
        print("error: leadership is lost; start again to stand by", file=sys.stderr)
        raise typer.Exit(EXIT_LEADERSHIP_LOST) from None


def _role(name: str) -> Role:
    # Each role imports only what it needs: kopf alone would cost every worker 25 MB.
    if name == "controller":
        from controller.reconcile.main import run_controller

        return run_controller
    from controller.worker.main import run_worker

    return run_worker


async def _awaited(role: Role, settings: Settings) -> None:
    await role(settings)
