"""`redistimer doctor` on a real API server and a real Redis: healthy, and with one thing wrong after another."""

from collections.abc import Iterator

import pytest

from tests.cluster import Stack, running_redis
from tests.cluster.ports import free_ports
from tests.integration.doctoring import doctor
from tests.integration.product import Product
from tests.integration.waiting import wait_until
from tests.integration.world import KEYS, Cluster, World

SECRET = "correct-horse-battery"
GUESS = "wrong-guess-staple"
FAR_FUTURE = "2999-01-01T00:00:00Z"


@pytest.fixture
def alone(product_processes: Product, cluster: Cluster) -> Iterator[Product]:
    """No controller and no worker; what a test has done to Redis is undone afterwards."""
    product_processes.restore(controllers=0, workers=0)
    yield product_processes
    cluster.redis.delete(KEYS.owner)
    cluster.redis.config_set("maxmemory", "0")
    cluster.redis.config_set("maxmemory-policy", "noeviction")


def test_a_healthy_installation_has_no_problem(world: World, product: Product, stack: Stack) -> None:
    world.create("timer", at=FAR_FUTURE).wait_for_condition("Ready", "True", "Scheduled")
    found = wait_until(lambda: doctor(stack), lambda seen: seen.code == 0, "nothing is a problem")
    assert found.levels("problem") == []
    leader = product.leader()
    assert leader is not None
    # It can be looked at in the very moment of a renewal.
    assert found.of("leader")["found"].startswith((f"{leader.name}, renewed ", f"{leader.name}, being renewed"))
    workers = ", ".join(sorted(worker.name for worker in product.workers))
    assert found.of("processes")["found"] == (f"2 workers are connected: {workers}; so is the controller that leads")
    assert found.of("definition")["found"].endswith(" has all fields that this command knows")
    assert found.of("index")["found"].startswith("valid, of this cluster, ")
    for check in ("API server", "definition", "leader", "Redis", "eviction", "index", "tickets", "processes", "clocks"):
        assert found.of(check)["level"] == "ok", found.text


def test_a_timer_in_trouble_is_named_and_no_problem_of_the_installation(
    world: World, product: Product, stack: Stack
) -> None:
    world.create("bad", schedule="61 * * * *").wait_for_condition("Ready", "False", "InvalidSchedule")
    found = doctor(stack, "-n", world.namespace)
    assert found.of("timers")["level"] == "warning"
    assert found.of("timers")["found"] == f"1 not ready for reason InvalidSchedule: {world.namespace}/bad"
    assert "minute '61' is out of range" in found.of("timers")["advice"]
    assert found.code == 0


def test_without_workers_nothing_fires_and_it_says_so(product_processes: Product, stack: Stack) -> None:
    product_processes.restore(controllers=1, workers=0)
    found = doctor(stack)
    assert found.code == 1
    assert found.of("processes")["level"] == "problem"
    assert found.of("processes")["found"] == "no worker is connected, so nothing fires"
    assert found.of("leader")["level"] == "ok"


def test_without_anybody_an_index_that_is_lost_stays_lost(alone: Product, cluster: Cluster, stack: Stack) -> None:
    cluster.redis.flushall()
    found = doctor(stack)
    assert found.levels("problem") == ["leader", "index", "processes"]
    assert found.of("leader")["found"] == "no controller leads: the last one has ended in order"
    assert found.of("index")["found"] == "there is no index of installation default"
    assert found.of("index")["advice"] == "the first controller that leads builds it: see leader"


def test_an_index_of_another_cluster_is_not_taken_for_ours(alone: Product, cluster: Cluster, stack: Stack) -> None:
    cluster.redis.set(KEYS.owner, "another-cluster")
    found = doctor(stack)
    assert found.of("index")["level"] == "problem"
    assert found.of("index")["found"].startswith("it belongs to another cluster (another-cluster), and this one is ")


def test_a_redis_that_may_evict_the_index_is_a_problem(alone: Product, cluster: Cluster, stack: Stack) -> None:
    cluster.redis.config_set("maxmemory-policy", "allkeys-lru")
    assert doctor(stack).of("eviction")["level"] == "warning"
    cluster.redis.config_set("maxmemory", "100mb")
    evicting = doctor(stack).of("eviction")
    assert (evicting["level"], evicting["found"]) == (
        "problem",
        "maxmemory-policy is allkeys-lru, with maxmemory at 100 MB",
    )


def test_who_may_read_little_is_told_what_was_left_out(product: Product, stack: Stack) -> None:
    found = doctor(stack, KUBECONFIG=str(product.kubeconfigs["worker"]))
    assert found.of("API server")["found"].endswith(", as system:serviceaccount:redistimer-system:redistimer-worker")
    assert found.of("definition")["level"] == "ok"
    assert found.of("leader")["level"] == "warning"
    assert found.of("leader")["found"].startswith("not looked at, as that is not allowed: ")
    assert found.of("timers")["advice"] == "name a namespace with -n"
    assert found.of("Redis")["level"] == "ok"
    assert found.code == 0


def test_a_password_is_never_printed(stack: Stack) -> None:
    with running_redis(SECRET) as server:
        right = doctor(stack, REDIS_URL=server.url)
        assert right.of("Redis")["level"] == "ok"
        wrong = doctor(stack, REDIS_URL=f"redis://:{GUESS}@127.0.0.1:{server.port}/0")
        none = doctor(stack, REDIS_URL=f"redis://127.0.0.1:{server.port}/0")
    for found in (wrong, none):
        assert found.of("Redis") == {
            "check": "Redis",
            "level": "problem",
            "found": f"127.0.0.1:{server.port}/0 does not accept these credentials",
            "advice": "give user and password in REDIS_URL, or the password in --redis-password-file",
        }
    for found in (right, wrong, none):
        assert SECRET not in found.text
        assert GUESS not in found.text


def test_a_redis_out_of_reach_is_told_once(stack: Stack) -> None:
    (port,) = free_ports(1)
    found = doctor(stack, REDIS_URL=f"redis://127.0.0.1:{port}/0")
    assert found.of("Redis")["level"] == "problem"
    assert not {"eviction", "index", "tickets", "overdue", "outcomes", "processes"} & {
        finding["check"] for finding in found.findings
    }


def test_a_cluster_out_of_reach_is_told_once_and_redis_is_looked_at(
    alone: Product, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (port,) = free_ports(1)
    kubeconfig = tmp_path_factory.mktemp("away") / "kubeconfig"
    kubeconfig.write_text(stack.kubeconfig.read_text().replace(stack.server, f"https://127.0.0.1:{port}"))
    found = doctor(stack, KUBECONFIG=str(kubeconfig))
    assert found.findings[0]["level"] == "problem"
    assert found.findings[0]["found"].startswith(f"https://127.0.0.1:{port} does not answer: ")
    assert not {"definition", "leader", "timers", "tickets"} & {finding["check"] for finding in found.findings}
    assert found.of("Redis")["level"] == "ok"


def test_a_cluster_without_our_definition_is_told_how_to_get_it() -> None:
    with Stack(kubelet=False) as bare:
        found = doctor(bare)
    assert found.code == 1
    assert found.levels("problem") == ["definition", "leader", "index", "processes"]
    assert found.of("definition")["found"] == "the API server knows no RedisTimers"
    assert "kubectl apply --server-side -f crds/" in found.of("definition")["advice"]
