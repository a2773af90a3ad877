"""The chart and its manifests on a real API server, and what they start, under their own ServiceAccounts.

There are no controllers for Deployments here, so what a Pod would run is started by the test.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml

from tests.cluster import Stack
from tests.cluster.helm import MAJORS, find_helm
from tests.deploy.chart import (
    CASES,
    CHART,
    CRD,
    Object,
    load_all,
    of_kind,
    pod_templates,
    render,
    run_helm,
)
from tests.deploy.manifests import INSTALL
from tests.deploy.running import ask_for_readiness, start_redis, start_role
from tests.integration.waiting import wait_until
from tests.redis.permissions import documented

pytestmark = pytest.mark.timeout(1800)  # the first test may have to compile Helm and a control plane

MONITORING = ("ServiceMonitor", "PrometheusRule")
COLUMN = "        - name: Skipped\n"
PASSWORD = "s3cret: with spaces"

TIMER = """\
apiVersion: redistimer.dev/v1alpha1
kind: RedisTimer
metadata: {name: NAME, namespace: default}
spec:
  afterCreation: 1s
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b, command: ["true"]}]}}}}
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A cluster with nothing in it."""
    with Stack(redis=False, kubelet=False) as running:
        yield running


@pytest.fixture(scope="module")
def restricted(stack: Stack) -> str:
    """A namespace that enforces Pod security `restricted`, and says so of Deployments too."""
    for name in ("restricted", *CASES["some namespaces, installed by who has no rights on the cluster"]["namespaces"]):
        stack.kubectl("create", "namespace", name)
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    stack.kubectl("label", "namespace", "restricted", *levels)
    return "restricted"


@pytest.fixture(scope="module")
def rendered(one_helm: Path, restricted: str) -> list[Object]:
    """The objects of all sets of values, in that namespace."""
    return [each for values in CASES.values() for each in render(one_helm, values, namespace=restricted)]


@pytest.fixture(scope="module")
def installed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Object], str]:
    """What deploy/install.yaml has, applied, and the address of its Redis, which runs."""
    stack.kubectl("apply", "--server-side", "-f", str(INSTALL))
    stack.wait_until_established(f"crd/{CRD}")
    objects = load_all(INSTALL.read_text())
    return objects, start_redis(stack, objects, tmp_path_factory.mktemp("redis"))


@pytest.mark.parametrize("major", MAJORS)
def test_a_release_brings_its_crd_up_to_date_and_leaves_it_with_every_timer(
    stack: Stack, major: int, tmp_path: Path
) -> None:
    cluster = {"KUBECONFIG": str(stack.kubeconfig)}
    older = tmp_path / "older"
    shutil.copytree(CHART, older)
    text = (older / "files" / "crd.yaml").read_text()
    assert COLUMN in text
    (older / "files" / "crd.yaml").write_text(text.replace(COLUMN, COLUMN.replace("Skipped", "Omitted")))
    place = ["--namespace", f"life-{major}"]
    helm = find_helm(major)

    run_helm(helm, ["install", "life", older, *place, "--create-namespace"], **cluster)
    stack.wait_until_established(f"crd/{CRD}")
    assert "Omitted" in columns(stack)
    stack.apply(TIMER.replace("NAME", "stays"))

    run_helm(helm, ["upgrade", "life", CHART, *place], {"worker": {"replicas": 5}}, **cluster)
    assert {"Omitted", "Skipped"} & columns(stack) == {"Skipped"}
    workers = stack.kubectl("get", "deployment", "life-redistimer-worker", *place, "-o", "jsonpath={.spec.replicas}")
    assert workers.stdout == "5"

    run_helm(helm, ["uninstall", "life", *place], **cluster)
    assert stack.kubectl("get", "redistimer", "stays", "-n", "default", "-o", "name").stdout
    left = stack.kubectl("get", "clusterroles", "-o", "name").stdout
    assert "life-redistimer" not in left

    run_helm(helm, ["install", "life", CHART, *place], **cluster)
    run_helm(helm, ["upgrade", "life", CHART, *place], {"crds": {"keep": False}}, **cluster)
    run_helm(helm, ["uninstall", "life", *place], **cluster)
    stack.kubectl("wait", "--for=delete", f"crd/{CRD}", "--timeout=60s")


def test_the_api_server_accepts_everything_that_is_rendered_and_warns_of_nothing(
    stack: Stack, rendered: list[Object]
) -> None:
    known = [each for each in rendered if each["kind"] not in MONITORING]
    assert len(known) > 100
    done = stack.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=yaml.safe_dump_all(known)
    )
    assert done.stderr == ""


def test_every_pod_is_admitted_where_restricted_is_enforced(stack: Stack, rendered: list[Object]) -> None:
    accounts = of_kind(rendered, "ServiceAccount")
    stack.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(accounts))
    pods = pod_templates(rendered)
    for number, pod in enumerate(pods):
        pod["metadata"] = {**pod["metadata"], "name": f"{pod['metadata']['name']}-{number}"}
        # Volumes from a claim template are none of the template.
        claimed = {mount["name"] for mount in pod["spec"]["containers"][0].get("volumeMounts", ())}
        missing = claimed - {volume["name"] for volume in pod["spec"].get("volumes", ())}
        for name in missing:
            pod["spec"].setdefault("volumes", []).append({"name": name, "persistentVolumeClaim": {"claimName": name}})
    done = stack.kubectl("create", "--dry-run=server", "-f", "-", input=yaml.safe_dump_all(pods))
    assert done.stdout.count("created") == len(pods)
    assert done.stderr == ""


def test_a_pod_that_may_more_is_not_admitted_there(stack: Stack, rendered: list[Object]) -> None:
    pod = json.loads(json.dumps(pod_templates(rendered)[0]))
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    done = stack.kubectl("create", "--dry-run=server", "-f", "-", input=yaml.safe_dump(pod), check=False)
    assert "violates PodSecurity" in done.stderr


def test_what_is_rendered_starts_a_product_that_becomes_ready_and_fires(
    stack: Stack, installed: tuple[list[Object], str], one_helm: Path, tmp_path: Path
) -> None:
    objects, address = installed
    hosts = {"redistimer-redis:6379": address}
    roles = [start_role(stack, objects, role, hosts, {}, tmp_path) for role in ("controller", "worker")]
    for running in roles:
        running.wait_until_ready()
    stack.apply(TIMER.replace("NAME", "fires"))
    wait_for_job(stack, "fires")

    command = ask_for_readiness(render(one_helm), [running.url for running in roles])
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (asked.returncode, asked.stdout.count(": ok\n")) == (0, 2), asked.stderr
    for running in roles:
        running.process.terminate()
        assert running.process.wait(60) == 0


def test_each_role_logs_in_as_a_user_of_its_own_with_a_password_from_a_file(
    stack: Stack, installed: tuple[list[Object], str], one_helm: Path, tmp_path: Path
) -> None:
    _, address = installed
    host, _, port = address.partition(":")
    with redis.Redis(host=host, port=int(port)) as admin:
        for role, rules in documented().items():
            words = [word.replace("PASSWORD", PASSWORD) for word in rules.split()]
            admin.execute_command("ACL", "SETUSER", f"redistimer-{role}", *words)
    names = {role: {"username": f"redistimer-{role}", "passwordSecret": {"name": role}} for role in documented()}
    values = {
        "redis": {"bundled": {"enabled": False}, "external": {"url": "redis://redis.example.com:6379"}},
        **{role: {"redisAuth": login} for role, login in names.items()},
    }
    objects = render(one_helm, values)
    secrets = {role: {"password": PASSWORD} for role in names}
    hosts = {"redis.example.com:6379": address}
    for running in [start_role(stack, objects, role, hosts, secrets, tmp_path) for role in ("controller", "worker")]:
        running.wait_until_ready()
    stack.apply(TIMER.replace("NAME", "logs-in"))
    wait_for_job(stack, "logs-in")
    with redis.Redis(host=host, port=int(port), decode_responses=True) as admin:
        users = {client["user"] for client in admin.client_list()}
    assert users >= {"redistimer-controller", "redistimer-worker"}


def test_people_may_what_the_roles_for_people_say(stack: Stack, installed: tuple[list[Object], str]) -> None:
    for name, role in {"reader": "view", "writer": "redistimer-editor", "coder": "edit"}.items():
        stack.kubectl("create", "rolebinding", name, f"--clusterrole={role}", f"--user={name}", "-n", "default")

    def may(user: str, verb: str, *flags: str) -> bool:
        command = ["auth", "can-i", verb, "redistimers.redistimer.dev", f"--as={user}", "-n", "default", *flags]
        return stack.kubectl(*command, check=False).stdout.strip() == "yes"

    wait_until(lambda: may("reader", "list"), bool, "view has been aggregated")
    assert not may("reader", "create")
    assert may("writer", "create")
    assert not may("writer", "patch", "--subresource=status")
    assert may("coder", "list")
    assert not may("coder", "create")


def columns(stack: Stack) -> set[str]:
    """What `kubectl get redistimers` would show."""
    crd = json.loads(stack.kubectl("get", "crd", CRD, "-o", "json").stdout)
    return {column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]}


def wait_for_job(stack: Stack, timer: str) -> None:
    """Until the timer has a Job."""
    owner = "jsonpath={.items[*].metadata.ownerReferences[*].name}"
    wait_until(
        lambda: stack.kubectl("get", "jobs", "-n", "default", "-o", owner).stdout.split(),
        lambda owners: timer in owners,
        f"{timer} has fired",
    )
