"""The image. No engine builds it here, so its Dockerfile's own commands are carried out one by one."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.stack import CHECKOUT
from tests.deploy.dockerfile import Stage, Workshop, exec_form, read_stages, run_read_only

pytestmark = pytest.mark.timeout(600)  # the first test downloads every wheel

Command = Callable[..., subprocess.CompletedProcess[str]]
USER = 65532


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    """The Dockerfile's stages: the one that builds, and what is delivered."""
    return read_stages((CHECKOUT / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def workshop(stages: list[Stage], tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where the first stage was carried out."""
    workshop = Workshop(tmp_path_factory.mktemp("image"), CHECKOUT)
    workshop.carry_out(stages[0])
    return workshop


@pytest.fixture(scope="module")
def redistimer(stages: list[Stage], workshop: Workshop) -> Command:
    """The image's entry point, as its user, on a file system that cannot be written."""
    delivered = stages[-1]
    (entry,) = exec_form(delivered.last("ENTRYPOINT"))
    environment = {**delivered.pairs("ENV"), "HOME": "/nonexistent"}

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = run_read_only([workshop.path(entry), *arguments], USER, environment | more)
        if done is None:
            pytest.skip("this machine lets nobody make a read-only file system for one process")
        return done

    return run


def test_what_is_delivered_is_what_the_first_stage_built_and_nothing_runs_as_root(stages: list[Stage]) -> None:
    build, delivered = stages
    assert build.image == delivered.image == "${PYTHON_IMAGE}"
    assert delivered.last("COPY") == f"--from={build.name} /opt/redistimer /opt/redistimer"
    assert delivered.last("USER") == f"{USER}:{USER}"
    assert not [step for step in delivered.steps if step[0] == "RUN"], "a RUN there would run on each platform"
    assert exec_form(delivered.last("CMD")) == ["--help"]


def test_the_labels_say_which_version_it_is(stages: list[Stage]) -> None:
    labels = stages[-1].pairs("LABEL")
    version = re.search(r'^version = "(.+)"$', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert labels["org.opencontainers.image.version"] == version[1]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_it_has_what_the_lock_names_and_the_product_and_nothing_else(workshop: Workshop) -> None:
    (packages,) = workshop.path("/opt/redistimer/lib").glob("python3*/site-packages")
    installed = {
        match[1].lower().replace("_", "-"): match[2]
        for path in packages.glob("*.dist-info")
        if (match := re.fullmatch(r"(.+)-([^-]+)\.dist-info", path.name))
    }
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE))
    assert installed.pop("redistimer")
    assert installed.items() <= locked.items()
    assert {"tzdata", "kopf", "redis"} <= installed.keys()


def test_the_entry_point_tells_its_version_and_its_flags(redistimer: Command) -> None:
    version, flags = redistimer("--version"), redistimer("worker", "--help")
    assert (version.returncode, version.stderr) == (0, "")
    assert re.fullmatch(r"redistimer \d+\.\d+\.\d+\n", version.stdout)
    assert flags.returncode == 0
    assert "--redis-password-file" in flags.stdout


def test_it_knows_the_time_zones_of_all_the_world(redistimer: Command, tmp_path: Path) -> None:
    timer = """\
apiVersion: redistimer.dev/v1alpha1
kind: RedisTimer
metadata: {name: report}
spec:
  schedule: "30 6 * * *"
  timeZone: Asia/Kathmandu
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
"""
    (tmp_path / "timer.yaml").write_text(timer)
    done = redistimer("next", "-f", str(tmp_path / "timer.yaml"), "-n", "1", "--from", "2026-12-23T12:00:00Z")
    assert "06:30:00 +05:45" in done.stdout, done.stderr


@pytest.mark.parametrize("role", ["controller", "worker"])
def test_a_role_without_a_cluster_ends_with_one_line_that_says_what_to_do(redistimer: Command, role: str) -> None:
    done = redistimer(role, "--http-port=0")
    assert done.returncode == 2
    assert "set KUBECONFIG" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_role_with_a_wrong_redis_url_never_shows_it(redistimer: Command) -> None:
    done = redistimer("worker", REDIS_URL="http://:secret@redis")
    assert done.returncode == 2
    assert "is no URL of a Redis" in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_everything_is_compiled_as_nothing_can_be_at_run_time(workshop: Workshop) -> None:
    (packages,) = workshop.path("/opt/redistimer/lib").glob("python3*/site-packages")
    for package in ("controller", "kopf", "kubernetes"):
        sources = {path.stem for path in (packages / package).glob("*.py")}
        compiled = {path.name.partition(".")[0] for path in (packages / package / "__pycache__").glob("*.pyc")}
        assert sources == compiled, package
