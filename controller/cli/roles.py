"""Running a role until it ends, and what its end looks like to people."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import typer

from controller.cli.cluster import EXIT_LEADERSHIP_LOST, EXIT_USAGE, CommandError, failed
from controller.kube.errors import ApiError, LeadershipLostError
from controller.observe.logs import set_up_logs
from controller.settings import Settings, SettingsError, load_settings

Role = Callable[[Settings], Awaitable[None]]

_COLLECTED_AT = 20_000
"""So many objects more than before, and the garbage collector looks at the young ones."""


def run_role(name: str, arguments: list[str]) -> None:
    """Run a role with these flags; raises typer.Exit with a code where it does not end well."""
    try:
        settings = load_settings(arguments, f"redistimer {name}")
        set_up_logs(settings.log_format, settings.log_level)
        _run(_role(name), settings)
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


def _run(role: Role, settings: Settings) -> None:
    # Not above: the other commands run where there is no uvloop, too.
    import uvloop

    # What is imported lasts: to look through it for garbage with every few hundred objects is CPU lost.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_awaited(role, settings))


async def _awaited(role: Role, settings: Settings) -> None:
    await role(settings)
