"""A connection to Redis as the settings say."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from controller.settings import Settings

_TIMEOUT_S = 3.0


def connect_redis(settings: Settings) -> Redis:
    """A client that answers with text, never waits for ever, and leaves repeating to the loops that use it.

    A script whose reply was lost must not run again behind their back: they start from the truth instead.
    """
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        decode_responses=True,
        # Whoever else writes there must not be able to stop the reading of all the rest.
        encoding_errors="replace",
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
        client_name=client_name(settings.identity),
    )
    if settings.redis_password is not None:
        # Not as an argument above: what the URL says would win over it.
        redis.connection_pool.connection_kwargs["password"] = settings.redis_password
    return redis


def client_name(identity: str) -> str:
    """How Redis shows the connections of a process."""
    return f"redistimer-{identity}"[:100].replace(" ", "-")
