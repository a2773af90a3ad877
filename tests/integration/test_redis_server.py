"""The Redis server that tests stop, kill and restart."""

import socket

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.cluster import redis_server, running_redis
from tests.cluster.ports import free_ports

NO_RETRY = Retry(NoBackoff(), 0)


def test_a_restarted_server_is_empty_and_has_the_same_url() -> None:
    with running_redis() as server:
        url = server.url
        with redis.Redis.from_url(url) as client:
            client.set("key", "value")

        server.restart()

        assert server.url == url
        with redis.Redis.from_url(url) as client:
            assert client.get("key") is None


def test_a_killed_server_refuses_connections_until_it_is_started_again() -> None:
    with running_redis() as server:
        server.kill()
        with redis.Redis.from_url(server.url) as client, pytest.raises(redis.ConnectionError):
            client.ping()

        server.start()

        with redis.Redis.from_url(server.url) as client:
            assert client.ping()


def test_a_password_is_part_of_the_url_and_required() -> None:
    with running_redis(password="s3cret") as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
        with redis.Redis(port=server.port, retry=NO_RETRY) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_port_that_somebody_took_meanwhile_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", 0))
        rival.listen()
        choices = iter([[rival.getsockname()[1]], free_ports(1)])
        monkeypatch.setattr(redis_server, "free_ports", lambda _: next(choices))

        with running_redis() as server:
            assert server.port != rival.getsockname()[1]
