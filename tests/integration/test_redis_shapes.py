"""Sentinel, a cluster, TLS, an old snapshot: whatever becomes of Redis, nothing is lost and nothing runs twice."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cluster import RedisServer, running_redis
from tests.cluster.certificates import create_certificates
from tests.cluster.redis_cluster import RedisCluster, running_cluster
from tests.cluster.sentinel import SentinelGroup, running_sentinel
from tests.cluster.tls_proxy import tls_proxy
from tests.integration.occurrences import assert_once_and_not_before, assert_steady
from tests.integration.product import NOT_REBUILT, Member, Product
from tests.integration.waiting import now_ms, wait_for_clock, wait_until
from tests.integration.world import KEYS, Timer, World
from tests.redis.permissions import documented

PASSWORD = "s3cret"


def admit(servers: list[RedisServer], password: str = PASSWORD) -> None:
    """Let both roles in, as the users that docs/redis.md gives them, and with no more rights."""
    for server in servers:
        with server.client() as admin:
            for role, rules in documented().items():
                words = rules.replace("PASSWORD", password).split()
                admin.execute_command("ACL", "SETUSER", f"redistimer-{role}", *words, "+cluster|slots")


def refusals(servers: list[RedisServer]) -> list[dict[str, object]]:
    """What somebody was not allowed to do on servers that are up."""
    found: list[dict[str, object]] = []
    for server in servers:
        if server.alive:
            with server.client() as admin:
                found += admin.acl_log()
    return found


class Roles:
    """A controller and two workers of the product on another Redis than that of the stack."""

    def __init__(self, product: Product, url: str, password_file: Path) -> None:
        self._product = product
        self._password_file = password_file
        self._url = url
        self.controller = self.start_controller()
        self.workers = [self._start("worker") for _ in range(2)]

    def start_controller(self) -> Member:
        self.controller = self._start("controller")
        return self.controller

    def _start(self, role: str, *flags: str) -> Member:
        login = ["--redis-username", f"redistimer-{role}", "--redis-password-file", str(self._password_file)]
        return self._product.start(role, *login, *flags, REDIS_URL=self._url)  # type: ignore[arg-type]


@contextmanager
def roles(product: Product, url: str, folder: Path) -> Iterator[Roles]:
    """The product on this Redis; it is ended before its Redis is."""
    product.restore(controllers=0, workers=0)
    file = folder / "password"
    file.write_text(PASSWORD)
    try:
        yield Roles(product, url, file)
    finally:
        product.restore(controllers=0, workers=0)


def wait_for_more(timers: list[Timer], count: int) -> None:
    """Wait until each has fired so many occurrences that are later than now."""
    start_ms = now_ms()
    for timer in timers:
        wait_until(timer.nominal, lambda seen: sum(one > start_ms for one in seen) >= count, f"{timer.name} goes on")


def assert_nothing_fires(timers: list[Timer]) -> None:
    """Look on for two seconds, after one for what was under way."""
    wait_for_clock(now_ms() + 1000)
    before = [len(timer.fired()) for timer in timers]
    wait_for_clock(now_ms() + 2000)
    assert [len(timer.fired()) for timer in timers] == before


Shape = SentinelGroup | RedisCluster


@pytest.fixture(params=["sentinel", "cluster"])
def shape(request: pytest.FixtureRequest) -> Iterator[Shape]:
    running = running_sentinel if request.param == "sentinel" else running_cluster
    with running() as servers:
        yield servers


def servers_of(shape: Shape) -> list[RedisServer]:
    return shape.servers if isinstance(shape, SentinelGroup) else shape.nodes


def test_when_the_primary_dies_nothing_is_lost_and_nothing_runs_twice(
    shape: Shape, product_processes: Product, world: World, tmp_path: Path
) -> None:
    product = product_processes
    admit(servers_of(shape))
    with roles(product, shape.url, tmp_path):
        made_up = [world.create(f"all-{number}", every="1s", missedRunPolicy="All") for number in range(3)]
        latest = [world.create(f"latest-{number}", every="2s") for number in range(3)]
        wait_for_more(made_up + latest, 2)
        before = shape.kill_primary()
        shape.wait_for_other_primary(before)
        wait_for_more(made_up + latest, 3)
        product.wait_until_ready()
        for timer in latest:
            assert_steady(timer, 2)
        for timer in made_up:
            assert_steady(timer, 1)
            assert timer.status()["runs"]["missed"] == 0, "All makes up for every one"
        assert refusals(servers_of(shape)) == []


def test_a_replica_that_lags_is_not_believed_and_workers_say_so_until_a_controller_comes(
    product_processes: Product, world: World, tmp_path: Path
) -> None:
    product = product_processes
    with running_sentinel() as group:
        admit(group.servers)
        with roles(product, group.url, tmp_path) as running:
            steady = world.create("steady", every="1s", missedRunPolicy="All")
            wait_for_more([steady], 2)
            stop_replicating(group)
            wait_for_more([steady], 4)
            assert running.controller.terminate() == 0
            before = group.kill_primary()
            group.wait_for_other_primary(before)
            for worker in running.workers:
                wait_until(lambda worker=worker: worker.get("/readyz"), lambda seen: seen == (503, NOT_REBUILT), "says")
            assert_nothing_fires([steady])
            with group.primary.client() as redis:
                assert redis.hexists(KEYS.tickets, steady.ticket), "it has what it had"
            running.start_controller()
            wait_for_more([steady], 3)
            assert_steady(steady, 1)


def stop_replicating(group: SentinelGroup) -> None:
    """Cut the replica off: from now on it serves what it has, and cannot come back."""
    (replica,) = [server for server in group.servers if server is not group.primary]
    with replica.client() as admin, group.primary.client() as primary:
        # A primary without a password takes none.
        admin.config_set("masterauth", "none")
        primary.client_kill_filter(_type="replica")


def test_an_old_snapshot_is_not_believed_and_workers_say_so_until_a_controller_comes(
    product_processes: Product, world: World, tmp_path: Path
) -> None:
    product = product_processes
    with running_redis() as server:
        admit([server])
        with roles(product, server.url, tmp_path) as running:
            steady = world.create("steady", every="1s", missedRunPolicy="All")
            done = world.create("done", afterCreation="3s")
            steady.wait_for_runs(1)
            with server.client() as admin:
                assert admin.hexists(KEYS.tickets, done.ticket)
                admin.save()
            shutil.copy(server.directory / "dump.rdb", tmp_path / "old.rdb")
            done.wait_for_runs(1)
            wait_for_more([steady], 3)
            assert running.controller.terminate() == 0
            server.kill()
            shutil.copy(tmp_path / "old.rdb", server.directory / "dump.rdb")
            server.start()
            admit([server])
            for worker in running.workers:
                wait_until(lambda worker=worker: worker.get("/readyz"), lambda seen: seen == (503, NOT_REBUILT), "says")
            assert_nothing_fires([steady])
            running.start_controller()
            wait_for_more([steady], 3)
            assert_steady(steady, 1)
            assert_once_and_not_before(done)
            assert len(done.fired()) == 1


def test_over_tls_passwords_change_under_timers_that_fire(
    product_processes: Product, world: World, tmp_path: Path
) -> None:
    product = product_processes
    certificates = create_certificates(tmp_path / "certificates")
    files = {
        "REDISTIMER_REDIS_CA_FILE": str(certificates.authority),
        "REDISTIMER_REDIS_CERT_FILE": str(certificates.admin),
        "REDISTIMER_REDIS_KEY_FILE": str(certificates.admin_key),
    }
    with ExitStack() as resources:
        server = resources.enter_context(running_redis())
        port = resources.enter_context(tls_proxy(server.port, certificates, client_certificates=True))
        admit([server])
        with pytest.MonkeyPatch.context() as environment:
            for name, value in files.items():
                environment.setenv(name, value)
            with roles(product, f"rediss://127.0.0.1:{port}", tmp_path):
                steady = [world.create(f"steady-{number}", every="1s") for number in range(3)]
                wait_for_more(steady, 2)
                admit([server], "another")
                (tmp_path / "password").write_text("another")
                with server.client() as admin:
                    for role in documented():
                        admin.execute_command("ACL", "SETUSER", f"redistimer-{role}", f"<{PASSWORD}")
                    admin.client_kill_filter(_type="normal", skipme=True)
                    admin.client_kill_filter(_type="pubsub", skipme=True)
                wait_for_more(steady, 4)
                product.wait_until_ready()
                for timer in steady:
                    assert_steady(timer, 1)
                # Whoever had read the old password a moment before is refused, and reads it again.
                assert [one for one in refusals([server]) if one["reason"] != "auth"] == []
