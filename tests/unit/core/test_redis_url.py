"""Where Redis is, as people write it."""

import pytest

from controller.core.redis_url import Login, RedisAddress, Shape, parse_redis_url

NOBODY = Login()
TWO = (("a", 26379), ("b", 26380))


def address(shape: Shape, *nodes: tuple[str, int], **changes: object) -> RedisAddress:
    fields = {"tls": False, "db": 0, "name": "", "login": NOBODY, "sentinel_login": NOBODY}
    return RedisAddress(shape, nodes, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://redis.example", address(Shape.SINGLE, ("redis.example", 6379))),
        ("redis://", address(Shape.SINGLE, ("localhost", 6379))),
        ("REDIS://r:1/2/", address(Shape.SINGLE, ("r", 1), db=2)),
        ("redis://r:1?db=3", address(Shape.SINGLE, ("r", 1), db=3)),
        ("rediss://r", address(Shape.SINGLE, ("r", 6379), tls=True)),
        ("redis://[2001:db8::1]:7/1", address(Shape.SINGLE, ("2001:db8::1", 7), db=1)),
        ("redis://:p%40%2F%3Aw@r", address(Shape.SINGLE, ("r", 6379), login=Login("", "p@/:w"))),
        ("redis://jane:a:b@r", address(Shape.SINGLE, ("r", 6379), login=Login("jane", "a:b"))),
        ("redis://jane@r", address(Shape.SINGLE, ("r", 6379), login=Login("jane"))),
        ("redis://r?username=jane&password=p%20w", address(Shape.SINGLE, ("r", 6379), login=Login("jane", "p w"))),
        ("unix:///run/re%20dis.sock", address(Shape.SOCKET, name="/run/re dis.sock")),
        ("unix:///r.sock?db=2&password=x", address(Shape.SOCKET, name="/r.sock", db=2, login=Login("", "x"))),
        ("unix://:x@/r.sock", address(Shape.SOCKET, name="/r.sock", login=Login("", "x"))),
        ("redis+sentinel://a,b:26380/timers", address(Shape.SENTINEL, *TWO, name="timers")),
        ("redis+sentinel://a,b:26380/timers/4", address(Shape.SENTINEL, *TWO, name="timers", db=4)),
        (
            "rediss+sentinel://u:p@[::1]:1,[::2]/my%2Fname?sentinel_username=s&sentinel_password=t",
            address(
                Shape.SENTINEL,
                ("::1", 1),
                ("::2", 26379),
                tls=True,
                name="my/name",
                login=Login("u", "p"),
                sentinel_login=Login("s", "t"),
            ),
        ),
        ("redis+cluster://a,b:7", address(Shape.CLUSTER, ("a", 6379), ("b", 7))),
        ("rediss+cluster://:p@a/0", address(Shape.CLUSTER, ("a", 6379), tls=True, login=Login("", "p"))),
    ],
)
def test_an_address_is_read(url: str, read: RedisAddress) -> None:
    assert parse_redis_url(url) == read


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is no URL of a Redis; write redis://host:6379/0"),
        ("127.0.0.1:6379", "is no URL of a Redis"),
        (f"{SECRET}@redis:6379", "is no URL of a Redis"),
        (f":{SECRET}@redis", "is no URL of a Redis"),
        (f"{SECRET}://redis:6379", "is no URL of a Redis"),
        (f"http://:{SECRET}@redis", "is no URL of a Redis"),
        (f"redis:/:{SECRET}@redis", "is no URL of a Redis"),
        (f"redis+tls://:{SECRET}@redis", "is no URL of a Redis"),
        (f"unix+sentinel://:{SECRET}@redis", "is no URL of a Redis"),
        (f"redis://:{SECRET}@[::1/0", "is no URL of a Redis"),
        (f"redis://:{SECRET}/x@redis", "write these as %2F, %3F and %23"),
        (f"redis://:{SECRET}?x@redis", "write these as %2F, %3F and %23"),
        (f"redis://:{SECRET}#x@redis", "write these as %2F, %3F and %23"),
        (f"redis://redis/0#{SECRET}", "has a #"),
        (f"redis://:{SECRET}@redis:port", "a host or a port that is none"),
        (f"redis://user:{SECRET}", "a host or a port that is none"),
        (f"redis://:{SECRET}@redis:0", "a host or a port that is none"),
        (f"redis://:{SECRET}@redis:65536", "a host or a port that is none"),
        (f"redis://:{SECRET}@[::1]x:1", "a host or a port that is none"),
        (f"redis://:{SECRET}@redis/{SECRET}", "names no database"),
        (f"redis://:{SECRET}@redis/-1", "names no database"),
        (f"redis://:{SECRET}@redis?db=one", "names no database"),
        (f"redis://:{SECRET}@redis/0?socket_timeout=1", "(socket_timeout): accepted are db, username, password;"),
        (f"redis://redis/0?{SECRET}=1", "has a parameter that is not known: accepted are"),
        (f"redis://redis/0?password=ab&{SECRET.lower()}=1", "has a parameter that is not known: accepted are"),
        (f"redis+sentinel://a/m?sentinel_password=ab&{SECRET.lower()}", "in values write & as %26"),
        (f"redis+sentinel://:{SECRET}@a:1/0", "names no primary"),
        (f"redis+sentinel://:{SECRET}@a:1,/timers", "a comma too many"),
        (f"redis+cluster://:{SECRET}@a:1,,b:2", "a comma too many"),
        (f"redis://:{SECRET}@a,b/0", "write redis+sentinel:// or redis+cluster://"),
        (f"unix://{SECRET}/x.sock", "with three slashes"),
        ("unix://", "with three slashes"),
        (f"redis+sentinel://:{SECRET}@a:1", "names no primary"),
        (f"redis+sentinel://:{SECRET}@a:1/timers/{SECRET}", "names no database"),
        (f"redis+sentinel://:{SECRET}@a:x,b/timers", "a host or a port that is none"),
        (f"redis+cluster://:{SECRET}@a/1", "asks for database 1: a cluster has only 0"),
        (f"redis+cluster://:{SECRET}@a?sentinel_password=x", "(sentinel_password): accepted are db"),
    ],
)
def test_what_cannot_be_read_is_told_without_the_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|names|asks) ") as caught:
        parse_redis_url(url)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"redis://jane:{SECRET}@redis.example:6380/2", "redis.example:6380/2"),
        (f"rediss://:{SECRET}@[::1]", "[::1]:6379/0"),
        (f"unix:///run/redis.sock?password={SECRET}", "/run/redis.sock"),
        (f"redis+sentinel://:{SECRET}@a,b:2/timers/1?sentinel_password={SECRET}", "timers of Sentinel a:26379,b:2/1"),
        (f"redis+cluster://:{SECRET}@a,b:2", "the cluster of a:6379,b:2"),
    ],
)
def test_as_text_an_address_has_no_secrets(url: str, text: str) -> None:
    assert str(parse_redis_url(url)) == text
    assert SECRET not in repr(parse_redis_url(url))
