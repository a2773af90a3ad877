"""The users that docs/redis.md gives to both roles: they may do what the code needs, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from controller.cli.doctor import redis as doctor
from controller.index.connect import connect_redis
from controller.index.index import Index, IndexInvalidError
from controller.index.messages import Fire
from controller.index.vigil import Vigil
from controller.settings import Settings
from tests.cluster.redis_cluster import running_cluster
from tests.cluster.redis_server import RedisServer, running_redis
from tests.cluster.sentinel import running_sentinel
from tests.redis.conftest import NEWEST, OLDEST, PROGRAMS
from tests.redis.permissions import DOCS, ROLES, commands_in_script, commands_of, documented, methods_of, verbs_of
from tests.redis.tickets import HOUR_MS, A, B, C, a_report, again, claim, done, wanted
from tests.unit.clocks import sleepless

INSTALLATION = "default"
"""The one that the documented rules are for."""


class Noted:
    """An index that notes which of its methods are used."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.used.add(name)
        return getattr(self._index, name)


async def work(index: Index) -> None:
    """What a worker does, with something to do for each."""
    async with index.redis.pubsub() as subscription:
        await subscription.subscribe(index.keys.due)
        assert await subscription.get_message(timeout=10)
        await subscription.ping()
    a, b, c = await claim(index)
    await index.confirm([Fire(a, 1, HOUR_MS)])
    await index.renew([a], HOUR_MS)
    assert await index.ack([done(a, 5, reports=(a_report(),))]) == [True]
    assert await index.retry([again(b, 5, reports=(a_report(),))]) == [True]
    assert await index.drop([c]) == [True]
    await index.reap(10, HOUR_MS)


async def control(index: Index) -> None:
    """What a controller does."""
    await index.claim_ownership("cluster")
    await index.claim_ownership("another")
    identity = await index.begin_rebuild("nonce")
    await index.sweep()
    await index.sync([wanted(A, 1), wanted(B, 2), wanted(C, 3)])
    assert await index.finish_rebuild("nonce", identity)
    assert (await index.inspect()).valid
    await index.outcomes("0", 10)
    await index.delete_outcomes(["1-1"])
    await index.remove(["x" * 22])
    await index.remove([A], but_in=["default"])
    await index.take_ownership("cluster")


async def as_role(role: str, redis: Redis, settings: Settings) -> set[str]:
    """Do everything that a role does; the methods that it took."""
    noted = Noted(Index(redis, INSTALLATION))
    await (work if role == "worker" else control)(noted)  # type: ignore[arg-type]
    await Vigil(redis, settings).step()
    await redis.ping()
    return noted.used - {"redis", "keys"}


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleepless(monkeypatch)


@pytest.fixture(scope="module")
def newest() -> Iterator[RedisServer]:
    with running_redis(program=PROGRAMS[NEWEST]) as server:
        yield server


async def prepare(server: RedisServer) -> None:
    """An empty server whose index is built, by somebody who may do everything."""
    async with connect_redis(Settings.model_validate({"redis-url": server.url})) as redis:
        await redis.flushall()
        await control(Index(redis, INSTALLATION))


@pytest.mark.parametrize("role", list(ROLES))
async def test_the_rules_of_a_role_allow_exactly_what_its_code_uses(newest: RedisServer, role: str) -> None:
    await prepare(newest)
    settings = Settings.model_validate({"redis-url": newest.url})
    with newest.client() as admin:
        names = {str(name).upper() for name in admin.command()}
        admin.script_flush()
        admin.config_resetstat()
        async with connect_redis(settings) as redis:
            assert await as_role(role, redis, settings) == methods_of(role), "the scenario is complete"
        used = {name.removeprefix("cmdstat_").replace("|", " ") for name in admin.info("commandstats")}
    by_scripts = {command.lower() for verb in verbs_of(role) for command in commands_in_script(verb, names)}
    # These two need no permission; the third is how this test begins to count.
    needed = (used | by_scripts) - {"hello", "auth", "config resetstat"}
    assert commands_of(documented()[role]) == needed


@pytest.mark.parametrize("role", list(ROLES))
@pytest.mark.parametrize("program", list(PROGRAMS))
async def test_a_role_does_its_work_as_the_documented_user_and_sees_nothing_else(
    program: str, role: str, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret")
    with running_redis(program=PROGRAMS[program]) as server, server.client() as admin:
        await prepare(server)
        user = f"redistimer-{role}"
        rules = documented()[role].replace("PASSWORD", "s3cret").split()
        admin.execute_command("ACL", "SETUSER", user, *rules)
        url = {"redis-url": server.url, "redis_username": user, "redis_password_file": password}
        settings = Settings.model_validate(url)
        async with connect_redis(settings) as redis:
            await as_role(role, redis, settings)
            assert admin.acl_log() == []
            with pytest.raises(NoPermissionError):
                await redis.evalsha("0" * 40, 1, "another")
            with pytest.raises(NoPermissionError):
                await redis.flushall()
            with pytest.raises(NoPermissionError):
                await Index(redis, "another").remove([A])
            async with redis.pubsub() as subscription:
                await subscription.subscribe("another")
                with pytest.raises(NoPermissionError):
                    await subscription.get_message(timeout=10)


async def test_in_a_cluster_and_behind_sentinel_a_role_needs_only_what_is_named_in_addition() -> None:
    rules = documented()["worker"].replace("PASSWORD", "s3cret").split()
    with running_cluster(program=PROGRAMS[NEWEST]) as cluster, running_sentinel(program=PROGRAMS[OLDEST]) as group:
        for server, more in [
            *((node, ["+cluster|slots"]) for node in cluster.nodes),
            *((one, []) for one in group.servers),
        ]:
            with server.client() as admin:
                admin.execute_command("ACL", "SETUSER", "redistimer-worker", *rules, *more)
        for sentinel in group.sentinels:
            with sentinel.client() as admin:
                sentinel_rules = ["on", ">t0p", "allchannels", "-@all", "+sentinel|get-master-addr-by-name"]
                admin.execute_command("ACL", "SETUSER", "asker", *sentinel_rules)
        login = "redistimer-worker:s3cret@"
        urls = [
            cluster.url.replace("://", f"://{login}"),
            group.url.replace("://", f"://{login}") + "?sentinel_username=asker&sentinel_password=t0p",
        ]
        for url in urls:
            settings = Settings.model_validate({"redis-url": url})
            async with connect_redis(settings) as redis:
                await Vigil(redis, settings).step()
                with pytest.raises(IndexInvalidError):
                    await claim(Index(redis, INSTALLATION))
        for server in [*cluster.nodes, *group.servers, *group.sentinels]:
            with server.client() as admin:
                assert admin.acl_log() == []


async def test_doctor_sees_all_with_what_is_named_in_addition(newest: RedisServer) -> None:
    await prepare(newest)
    (more,) = re.findall(r"^- `redistimer doctor` wants to see more: `(.+)`,", DOCS.read_text(), re.MULTILINE)
    rules = documented()["controller"].replace("PASSWORD", "s3cret").split() + more.split()
    with newest.client() as admin:
        admin.execute_command("ACL", "SETUSER", "doctor", *rules)
        admin.execute_command("ACL", "LOG", "RESET")
        url = newest.url.replace("://", "://doctor:s3cret@")
        async with connect_redis(Settings.model_validate({"redis-url": url})) as redis:
            index = Index(redis, INSTALLATION)
            assert (await doctor.ask_index(index)).exists
            tickets = await doctor.ask_tickets(index)
            assert await doctor.ask_present(index, tickets) == tickets
            assert await doctor.ask_processes(redis, "") != set()
            await redis.info()
        assert admin.acl_log() == []
