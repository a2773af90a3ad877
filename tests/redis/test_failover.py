"""Following the primary: through Sentinel and in a cluster, without a new client."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, RedisError

from controller.index.connect import connect_redis
from controller.index.index import Index, IndexInvalidError
from controller.index.vigil import Vigil
from controller.settings import Settings
from tests.cluster.ports import free_ports
from tests.cluster.redis_cluster import RedisCluster, running_cluster
from tests.cluster.sentinel import NAME, SentinelGroup, running_sentinel
from tests.redis.conftest import NEWEST, PROGRAMS
from tests.redis.servers import client_of
from tests.redis.stub_server import StubServer, bulk, stub_server
from tests.redis.tickets import A, claim, wanted
from tests.unit.clocks import sleepless

Shape = SentinelGroup | RedisCluster


@pytest.fixture(params=["sentinel", "cluster"])
def shape(request: pytest.FixtureRequest) -> Iterator[Shape]:
    """New servers, which a test may do to what it likes."""
    program, password = PROGRAMS[NEWEST], "s3cret"
    sentinel = request.param == "sentinel"
    running = (
        running_sentinel(password=password, program=program, quick=True)
        if sentinel
        else running_cluster(password, program)
    )
    with running as servers:
        yield servers


@asynccontextmanager
async def client(url: str, **settings: object) -> AsyncIterator[Redis]:
    async with connect_redis(Settings.model_validate({"redis-url": url, **settings})) as redis:
        yield redis


async def build(index: Index) -> None:
    identity = await index.begin_rebuild("nonce")
    await index.sync([wanted(A, 1)])
    assert await index.finish_rebuild("nonce", identity)


async def until_invalid(index: Index) -> None:
    """As loops of workers do it: ask again, whatever goes wrong, until somebody says that the index is lost."""
    for _ in range(600):
        try:
            await index.claim("token", 1, 0, 1000)
        except IndexInvalidError:
            return
        except RedisError:
            pass
        await asyncio.sleep(0.05)
    pytest.fail("the client does not find the new primary")


async def test_after_the_death_of_a_primary_the_next_is_found_and_its_index_not_believed(shape: Shape) -> None:
    async with client_of(shape.url) as redis:
        index = Index(redis, "test")
        await build(index)
        before = shape.kill_primary()
        await until_invalid(index)
        shape.wait_for_other_primary(before)
        await build(index)
        assert [lease.ticket for lease in await claim(index)] == [A]


async def test_after_an_orderly_failover_the_old_primary_is_left(shape: Shape) -> None:
    async with client_of(shape.url) as redis:
        index = Index(redis, "test")
        # Several connections: each of them has to leave.
        await asyncio.gather(*(redis.ping() for _ in range(5)))
        await build(index)
        after = shape.fail_over()
        shape.wait_until_whole()
        await until_invalid(index)
        await build(index)
        ports = {await port_of(redis) for _ in range(10)}
        assert ports == {after.port}


async def port_of(redis: Redis) -> int:
    return int((await redis.info("server"))["tcp_port"])


async def test_hints_arrive_before_and_after_a_failover(shape: Shape) -> None:
    async with client_of(shape.url) as redis:
        index = Index(redis, "test")
        await heard(index)
        shape.fail_over()
        shape.wait_until_whole()
        await until_invalid(index)
        await heard(index)


async def heard(index: Index) -> None:
    """A rebuild ends with a hint; hear it."""
    async with index.redis.pubsub() as subscription:
        await subscription.subscribe(index.keys.due)
        assert (await subscription.get_message(timeout=10))["type"] == "subscribe"
        await build(index)
        message = await subscription.get_message(timeout=10)
        while message is not None and message["data"] != "0":
            message = await subscription.get_message(timeout=10)
        assert message is not None


# Sentinels.


@asynccontextmanager
async def stubs(count: int) -> AsyncIterator[list[StubServer]]:
    async with stub_server() as first:
        if count == 1:
            yield [first]
        else:
            async with stubs(count - 1) as others:
                yield [first, *others]


def url_of(sentinels: list[int]) -> str:
    return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in sentinels)}/{NAME}"


async def test_sentinels_that_do_not_answer_or_do_not_know_are_passed_over() -> None:
    dead = free_ports(1)[0]
    async with stubs(2) as (ignorant, knowing), client(url_of([dead, ignorant.port, knowing.port])) as redis:
        ignorant.answers["SENTINEL"] = lambda words: "*-1\r\n"
        assert await redis.set("key", "value")
        assert (ignorant.count("SET"), knowing.count("SET")) == (0, 1)
        await redis.connection_pool.disconnect()
        assert await redis.set("key", "value")
        assert ignorant.count("SENTINEL") == 1, "who knew is asked first from then on"


async def test_where_no_sentinel_knows_each_ones_reason_is_told() -> None:
    dead = free_ports(1)[0]
    async with stubs(2) as (ignorant, refusing), client(url_of([dead, ignorant.port, refusing.port])) as redis:
        ignorant.answers["SENTINEL"] = lambda words: "*-1\r\n"
        refusing.answers["SENTINEL"] = lambda words: "-NOAUTH Authentication required.\r\n"
        with pytest.raises(ConnectionError) as caught:
            await redis.ping()
    told = str(caught.value)
    assert told.startswith(f"nobody says where '{NAME}' is (127.0.0.1:{dead}: Error 111 connecting to ")
    assert f"127.0.0.1:{ignorant.port}: does not know '{NAME}'" in told
    assert f"127.0.0.1:{refusing.port}: Authentication required" in told


async def test_a_sentinel_that_sends_clients_to_a_replica_is_asked_no_more() -> None:
    async with stubs(3) as (stale, replica, current), client(url_of([stale.port, current.port])) as redis:
        replica.role = "slave"
        stale.answers["SENTINEL"] = lambda words: f"*2\r\n{bulk('127.0.0.1')}{bulk(str(replica.port))}"
        with pytest.raises(ConnectionError, match=f"127.0.0.1:{replica.port} is a replica"):
            await redis.set("key", "value")
        assert await redis.set("key", "value")
        assert (replica.count("SET"), current.count("SET")) == (0, 1)


async def test_once_another_primary_is_known_connections_to_the_old_one_are_used_no_more() -> None:
    async with stubs(2) as (old, new), client(url_of([old.port])) as redis:
        await asyncio.gather(*(redis.ping() for _ in range(3)))
        old.answers["SENTINEL"] = lambda words: f"*2\r\n{bulk('127.0.0.1')}{bulk(str(new.port))}"
        old.answers["GET"] = lambda words: None
        with pytest.raises(ConnectionError):
            await redis.get("key")
        await redis.set("key", "value")
        await asyncio.gather(*(redis.set("key", "value") for _ in range(3)))
        assert (old.count("SET"), new.count("SET")) == (0, 4)


async def test_redis_and_its_sentinels_have_credentials_of_their_own() -> None:
    async with stub_server() as stub:
        host = f"127.0.0.1:{stub.port}"
        url = f"redis+sentinel://jane:one@{host}/{NAME}?sentinel_username=joe&sentinel_password=two"
        async with client(url) as redis:
            await redis.ping()
        async with client(f"redis+sentinel://:one@{host}/{NAME}") as redis:
            await redis.ping()
    hellos = [words[2:] for words in stub.heard if words[0] == "HELLO"]
    assert hellos == [["AUTH", "joe", "two"], ["AUTH", "jane", "one"], [], ["AUTH", "default", "one"]]


# Clusters.


async def test_in_a_cluster_every_node_that_is_told_of_can_be_asked_later() -> None:
    async with stubs(2) as (seed, other), client(f"redis+cluster://127.0.0.1:{seed.port}") as redis:
        both = slots((0, 16382, other), (16383, 16383, seed))
        for stub in (seed, other):
            stub.answers["CLUSTER"] = lambda words: both
        assert await redis.set("key", "value")
        assert (seed.count("SET"), other.count("SET")) == (0, 1)
        seed.answers["CLUSTER"] = lambda words: None
        await redis.connection_pool.disconnect()
        assert await redis.set("key", "value")
        assert other.count("SET") == 2


@pytest.mark.parametrize("refusal", ["MOVED 1 127.0.0.1:1", "CLUSTERDOWN The cluster is down"])
async def test_a_node_that_sends_clients_the_wrong_way_is_asked_no_more(refusal: str) -> None:
    async with stubs(3) as (stale, left, current):
        url = f"redis+cluster://127.0.0.1:{stale.port},127.0.0.1:{current.port}"
        async with client(url) as redis:
            stale.answers["CLUSTER"] = lambda words: slots((0, 16383, left))
            left.answers["CLUSTER"] = lambda words: slots((0, 16383, current))
            left.answers["SET"] = lambda words: f"-{refusal}\r\n"
            with pytest.raises(RedisError):
                await redis.set("key", "value")
            assert await redis.set("key", "value")
            assert (left.count("SET"), current.count("SET")) == (1, 1)


def slots(*ranges: tuple[int, int, StubServer]) -> str:
    """What CLUSTER SLOTS answers."""
    lines = [
        f"*3\r\n:{first}\r\n:{last}\r\n*3\r\n{bulk('127.0.0.1')}:{stub.port}\r\n{bulk('id')}"
        for first, last, stub in ranges
    ]
    return f"*{len(lines)}\r\n{''.join(lines)}"


async def test_while_the_index_moves_to_another_node_it_is_away_and_then_it_is_found_there() -> None:
    with running_cluster(program=PROGRAMS[NEWEST]) as cluster:
        source, target = cluster.nodes[0], cluster.nodes[1]
        async with client_of(cluster.url) as redis:
            index = Index(redis, "test")
            await build(index)
            with source.client() as here, target.client() as there:
                ids = {one: str(one.execute_command("CLUSTER", "MYID")) for one in (here, there)}
                slot = here.execute_command("CLUSTER", "KEYSLOT", index.keys.due)
                there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[here])
                here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[there])
                here.execute_command("MIGRATE", "127.0.0.1", target.port, index.keys.due, 0, 5000)
                with pytest.raises(RedisError):
                    await claim(index)
                keys = here.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100)
                here.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
                for one in (there, here):
                    one.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[there])
            await until_invalid(index)
            await build(index)
            assert await port_of(redis) == target.port


async def test_an_old_primary_that_has_not_heard_of_a_failover_is_left_as_soon_as_sentinels_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes on answering for seconds, and whoever stays there works on an index that nobody else sees."""
    sleepless(monkeypatch)
    async with stub_server() as old, stub_server() as new, stub_server() as sentinel:
        primary = old
        for server in (old, new):
            server.answers["TIME"] = lambda words: f"*2\r\n{bulk('1')}{bulk('0')}"
        sentinel.answers["SENTINEL"] = lambda words: f"*2\r\n{bulk('127.0.0.1')}{bulk(str(primary.port))}"
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{NAME}"
        async with client(url) as redis:
            vigil = Vigil(redis, Settings.model_validate({"redis-url": url}))
            await vigil.step()
            primary = new
            await redis.ping()
            assert new.heard == []
            await vigil.step()
            await redis.ping()
            assert new.count("PING") == 1
