"""Connecting: to what, with which credentials, and that nothing is ever sent twice behind anybody's back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from redis.exceptions import AuthenticationError, ConnectionError, RedisError

from controller.index.connect import connect_redis
from controller.index.connection import ReplicaError
from controller.index.index import Index
from controller.settings import Settings
from tests.cluster.certificates import Certificates, create_certificates
from tests.cluster.redis_server import RedisServer, running_redis
from tests.cluster.tls_proxy import server_context, tls_proxy
from tests.redis.conftest import PROGRAMS
from tests.redis.stub_server import stub_server
from tests.redis.tickets import A, wanted

SHAPES = ["redis://127.0.0.1:{port}/0", "redis+sentinel://127.0.0.1:{port}/timers", "redis+cluster://127.0.0.1:{port}"]


@asynccontextmanager
async def client(url: str, **settings: object) -> AsyncIterator[Redis]:
    async with connect_redis(Settings.model_validate({"redis-url": url, **settings})) as redis:
        yield redis


# What is sent.


async def test_commands_are_sent_as_the_library_would_send_them() -> None:
    commands = [
        ("PING",),
        ("CLIENT SETINFO", "LIB-NAME", "x"),
        ("EVALSHA", "a" * 40, 1, "{rt2:default:0}:due", 1_770_000_000_000, 0.5, "", b"\xff", "\U0001f98a é"),
        ("SCRIPT LOAD", "return 1" * 10_000),
    ]
    usual = Connection()
    async with client("redis://127.0.0.1:1/0") as redis:
        ours = redis.connection_pool.make_connection()
    for command in commands:
        assert b"".join(ours.pack_command(*command)) == b"".join(usual.pack_command(*command))
    assert b"".join(ours.pack_commands(commands)) == b"".join(usual.pack_commands(commands))


# Nothing twice.


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_script_whose_reply_is_lost_is_sent_once(shape: str) -> None:
    async with stub_server() as stub, client(shape.format(port=stub.port)) as redis:
        stub.answers["EVALSHA"] = lambda words: None
        with pytest.raises(ConnectionError):
            await Index(redis, "test").sync([wanted(A, 1)])
        assert stub.count("EVALSHA") == 1
        del stub.answers["EVALSHA"]
        await redis.evalsha("sha", 0)
        assert stub.count("EVALSHA") == 2, "on a new connection"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_script_that_is_redirected_or_refused_by_a_replica_is_not_repeated_either(shape: str) -> None:
    refusals = ["MOVED 1 127.0.0.1:1", "ASK 1 127.0.0.1:1", "READONLY You can't write against a read only replica."]
    refusals.append("ERR Error running script: @user_script: 1: -READONLY You can't write against a read only replica.")
    async with stub_server() as stub, client(shape.format(port=stub.port)) as redis:
        for count, refusal in enumerate(refusals, start=1):
            stub.answers["EVALSHA"] = lambda words, refusal=refusal: f"-{refusal}\r\n"  # type: ignore[misc]
            with pytest.raises(ConnectionError):
                await redis.evalsha("sha", 0)
            assert stub.count("EVALSHA") == count


# Replicas.


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_replica_is_refused_before_anything_is_written_to_it(shape: str) -> None:
    async with stub_server() as stub, client(shape.format(port=stub.port)) as redis:
        stub.role = "slave"
        with pytest.raises(ReplicaError, match=f"127.0.0.1:{stub.port} is a replica: name the primary"):
            await redis.set("key", "value")
        assert stub.count("SET") == 0
        stub.role = "master"
        assert await redis.set("key", "value")


@pytest.mark.parametrize("program", list(PROGRAMS))
async def test_a_connection_to_a_server_that_becomes_a_replica_is_given_up_at_the_first_write(program: str) -> None:
    with running_redis(program=PROGRAMS[program]) as server:
        async with client(server.url) as redis:
            await redis.ping()
            with server.client() as admin:
                admin.replicaof("127.0.0.1", "1")
                with pytest.raises(ReplicaError):
                    await Index(redis, "test").begin_rebuild("nonce")
                with pytest.raises(ReplicaError):
                    await redis.ping()
                admin.replicaof("NO", "ONE")
                assert await Index(redis, "test").begin_rebuild("nonce")


# A socket.


async def test_a_unix_socket_leads_to_its_server_and_database(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with running_redis(flags=["--unixsocket", path]) as server:
        async with client(f"unix://{path}?db=2") as redis:
            await redis.set("key", "value")
        async with client(f"redis://127.0.0.1:{server.port}/2") as redis:
            assert await redis.get("key") == "value"


# Credentials.


async def test_a_password_may_change_while_the_process_runs(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    with running_redis("first") as server:
        async with client(f"redis://:wrong@127.0.0.1:{server.port}", redis_password_file=file) as redis:
            assert await redis.ping()
            with server.client() as admin:
                admin.config_set("requirepass", "second")
                assert await redis.ping(), "who is logged in stays so"
                admin.client_kill_filter(_type="normal", skipme=True)
                with pytest.raises(ConnectionError):
                    await redis.ping()
                with pytest.raises(AuthenticationError):
                    await redis.ping()
                file.write_text("second")
                assert await redis.ping()


async def test_a_user_may_get_another_password_while_the_process_runs(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first")
    with running_redis() as server, server.client() as admin:
        admin.acl_setuser("timers", enabled=True, passwords=["+first"], commands=["+ping", "+info", "+client"])
        async with client(server.url, redis_username="timers", redis_password_file=file) as redis:
            assert await redis.ping()
            admin.acl_setuser("timers", enabled=True, passwords=["+second"])
            admin.acl_setuser("timers", enabled=True, passwords=["-first"])
            file.write_text("second")
            admin.client_kill_filter(_type="normal", skipme=True)
            with pytest.raises(ConnectionError):
                await redis.ping()
            assert await redis.ping()


async def test_user_and_password_may_both_change_while_the_process_runs(tmp_path: Path) -> None:
    user, password = tmp_path / "username", tmp_path / "password"
    user.write_text("first\n")
    password.write_text("one\n")
    with running_redis() as server, server.client() as admin:
        for name, secret in (("first", "one"), ("second", "two")):
            admin.acl_setuser(name, enabled=True, passwords=[f"+{secret}"], commands=["+ping", "+info", "+client"])
        url = server.url.replace("://", "://nobody:nothing@")
        async with client(url, redis_username_file=user, redis_password_file=password) as redis:
            assert await redis.ping()
            user.write_text("second")
            password.write_text("two")
            admin.acl_deluser("first")
            with pytest.raises(ConnectionError):
                await redis.ping()
            assert await redis.ping()
            assert {one["user"] for one in admin.client_list()} == {"default", "second"}


async def test_a_user_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "username"
    file.write_text("timers")
    with running_redis() as server:
        async with client(server.url, redis_username_file=file) as redis:
            file.unlink()
            with pytest.raises(AuthenticationError, match=r"the user cannot be read from .*No such file"):
                await redis.ping()


async def test_a_password_that_cannot_be_read_is_told_and_read_again_later(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first")
    with running_redis("first") as server:
        async with client(server.url, redis_password_file=file) as redis:
            file.unlink()
            with pytest.raises(AuthenticationError, match=r"the password cannot be read from .*No such file"):
                await redis.ping()
            file.write_bytes(b"\xff")
            with pytest.raises(AuthenticationError, match="the password cannot be read from "):
                await redis.ping()
            file.write_text("first")
            assert await redis.ping()


# TLS.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return create_certificates(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture
def plain(redis_server: RedisServer) -> int:
    return redis_server.port


async def refusal(url: str, **settings: object) -> str:
    async with client(url, **settings) as redis:
        with pytest.raises(RedisError) as caught:
            await redis.ping()
    return str(caught.value)


async def test_with_its_own_authority_a_server_is_known_and_without_it_refused(
    plain: int, certificates: Certificates
) -> None:
    with tls_proxy(plain, certificates) as port:
        for host in ("127.0.0.1", "localhost"):
            async with client(f"rediss://{host}:{port}", redis_ca_file=certificates.authority) as redis:
                assert await redis.ping()
        assert "certificate verify failed" in await refusal(f"rediss://127.0.0.1:{port}")
        # Without TLS nobody talks to a server that has it.
        assert await refusal(f"redis://127.0.0.1:{port}")


async def test_a_server_by_another_name_than_its_certificate_says_is_refused(
    plain: int, certificates: Certificates
) -> None:
    with tls_proxy(plain, certificates) as port:
        # It leads to the same address, and is not among the names of the certificate.
        told = await refusal(f"rediss://127.1:{port}", redis_ca_file=certificates.authority)
    assert "certificate is not valid for '127.1'" in told


async def test_a_client_certificate_is_shown_where_one_is_asked_for(
    plain: int, certificates: Certificates, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.touch(mode=0o600)
    both.write_bytes(certificates.admin.read_bytes() + certificates.admin_key.read_bytes())
    shown: list[dict[str, object]] = [
        {"redis_cert_file": certificates.admin, "redis_key_file": certificates.admin_key},
        {"redis_cert_file": both},
    ]
    with tls_proxy(plain, certificates, client_certificates=True) as port:
        url = f"rediss://127.0.0.1:{port}"
        assert await refusal(url, redis_ca_file=certificates.authority)
        for files in shown:
            async with client(url, redis_ca_file=certificates.authority, **files) as redis:
                assert await redis.ping()


async def test_certificates_may_change_while_the_process_runs(
    plain: int, certificates: Certificates, tmp_path: Path
) -> None:
    other = create_certificates(tmp_path / "other")
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(other.authority.read_bytes())
    with tls_proxy(plain, certificates) as port:
        async with client(f"rediss://127.0.0.1:{port}", redis_ca_file=trusted) as redis:
            with pytest.raises(ConnectionError, match="certificate verify failed"):
                await redis.ping()
            trusted.write_bytes(certificates.authority.read_bytes())
            assert await redis.ping()


@pytest.mark.parametrize("shape", SHAPES)
async def test_tls_goes_for_whoever_says_where_the_primary_is_as_well(shape: str, certificates: Certificates) -> None:
    async with stub_server(server_context(certificates, client_certificates=True)) as stub:
        url = shape.format(port=stub.port).replace("redis", "rediss")
        files = {"redis_ca_file": certificates.authority, "redis_cert_file": certificates.admin}
        async with client(url, **files, redis_key_file=certificates.admin_key) as redis:
            assert await redis.ping()
        assert await refusal(url, redis_ca_file=certificates.authority)
