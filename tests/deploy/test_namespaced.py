"""A release for some namespaces, installed on a real API server by somebody who has no rights beyond these."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Stack
from tests.cluster.helm import MAJORS, find_helm
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import CHART, NAMESPACE, render, run_helm
from tests.deploy.running import start_role
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.timeout(1800)  # the first test may have to compile Helm and a control plane

SERVED, NEIGHBOUR, OWNER = "team-a", "team-b", "owner"
VALUES: dict[str, Any] = {
    "namespaces": [SERVED],
    "crds": {"install": False},
    "rbac": {"people": False},
    "redis": {"bundled": {"enabled": False}, "external": {"url": "redis://redis.example.com:6379"}},
}
OWNERSHIP = f"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {OWNER}, namespace: NAMESPACE}}
rules: [{{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {OWNER}, namespace: NAMESPACE}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {OWNER}}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {OWNER}}}]
"""
TIMER = """\
apiVersion: redistimer.dev/v1alpha1
kind: RedisTimer
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  every: 1s
  jobTemplate: {spec: {parallelism: 0, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A cluster whose administrator has brought the CRD, and given two namespaces to an owner."""
    with Stack(audit=True, kubelet=False) as running:
        running.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "crds"))
        running.wait_until_established("-f", str(CHECKOUT / "crds"))
        for namespace in (NAMESPACE, SERVED, NEIGHBOUR):
            running.kubectl("create", "namespace", namespace)
        for namespace in (NAMESPACE, SERVED):
            running.apply(OWNERSHIP.replace("NAMESPACE", namespace))
        yield running


def test_who_owns_the_namespaces_installs_it_and_timers_fire_there_alone(stack: Stack, tmp_path: Path) -> None:
    helm = find_helm(MAJORS[0])
    place = ["--namespace", NAMESPACE, "--kube-as-user", OWNER]
    run_helm(helm, ["install", "redistimer", CHART, *place], VALUES, KUBECONFIG=str(stack.kubeconfig))
    objects = render(helm, VALUES)
    hosts = {"redis.example.com:6379": stack.redis_url.removeprefix("redis://").partition("/")[0]}
    for running in [start_role(stack, objects, role, hosts, {}, tmp_path) for role in ("controller", "worker")]:
        running.wait_until_ready()

    stack.apply(TIMER.replace("NAMESPACE", SERVED).replace("NAME", "fires"))
    stack.apply(TIMER.replace("NAMESPACE", NEIGHBOUR).replace("NAME", "rests"))
    wait_until(lambda: jobs(stack, SERVED), lambda names: len(names) > 2, "the timer has fired")
    wait_until(lambda: status(stack, "fires"), lambda seen: seen.get("lastScheduleTime"), "its status tells of that")
    assert jobs(stack, NEIGHBOUR) == []
    assert refusals(stack) == []


def test_without_rights_on_the_cluster_nobody_installs_it_for_all_namespaces(stack: Stack) -> None:
    """What the one above proves is worth something only if this does not work."""
    objects = render(find_helm(MAJORS[0]), {**VALUES, "namespaces": []})
    done = stack.kubectl(
        "apply", "--server-side", f"--as={OWNER}", "-f", "-", input=yaml.safe_dump_all(objects), check=False
    )
    assert done.returncode != 0
    assert '"clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope' in done.stderr


def jobs(stack: Stack, namespace: str) -> list[str]:
    """The names of the Jobs there."""
    return stack.kubectl("get", "jobs", "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}").stdout.split()


def status(stack: Stack, timer: str) -> dict[str, Any]:
    """The status of a timer of the namespace that is served."""
    read = json.loads(stack.kubectl("get", "redistimer", timer, "-n", SERVED, "-o", "json").stdout)
    return dict(read.get("status") or {})


def refusals(stack: Stack) -> list[str]:
    """What the API server has refused to controller and worker."""
    assert stack.audit_log is not None
    entries = map(json.loads, stack.audit_log.read_text().splitlines())
    return [
        f"{entry['user']['username']}: {entry['verb']} {entry['requestURI']}"
        for entry in entries
        if entry["user"]["username"].startswith(f"system:serviceaccount:{NAMESPACE}:")
        and entry.get("responseStatus", {}).get("code") == 403
    ]
