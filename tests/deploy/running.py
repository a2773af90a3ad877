"""Rendered containers as processes of this machine: their own arguments, environment and files."""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import Process, Stack
from tests.cluster.ports import free_ports
from tests.cluster.redis_programs import redis_programs
from tests.cluster.redis_server import find_redis_server
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import NAMESPACE, Object, of_kind, one, role_container
from tests.integration.waiting import wait_until

Secrets = Mapping[str, Mapping[str, str]]
"""By name, what is in them by key."""


class Running:
    """A controller or worker that runs as its container says."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def url(self) -> str:
        """Where it serves health and metrics, once it does."""
        found = wait_until(
            lambda: re.search(r'"address": ?"(http://[^"]+)"', self.process.log_text()), bool, "it serves HTTP"
        )
        assert found is not None
        return found[1]

    def wait_until_ready(self) -> None:
        """Until /readyz says so; the test fails with what was said last."""
        wait_until(lambda: _answer(f"{self.url}/readyz"), lambda seen: seen == (200, "ok\n"), "it is ready")
        assert _answer(f"{self.url}/healthz") == (200, "ok\n")


def start_redis(stack: Stack, objects: list[Object], folder: Path) -> str:
    """Start the bundled Redis; the host and port where it is."""
    (container,) = one(objects, "StatefulSet", "redistimer-redis")["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["redis-server"]
    (port,) = free_ports(1)
    arguments = [str(argument) for argument in container["args"]]
    for flag, value in {"--port": str(port), "--dir": str(folder)}.items():
        arguments[arguments.index(flag) + 1] = value
    program = redis_programs().get("redis-8") or find_redis_server()
    stack.spawn("bundled-redis", [program, *arguments, "--bind", "127.0.0.1"], {})
    return f"127.0.0.1:{port}"


def start_role(
    stack: Stack, objects: list[Object], role: str, hosts: Mapping[str, str], secrets: Secrets, folder: Path
) -> Running:
    """Start a controller or worker under its own ServiceAccount. `hosts` are what names of Services resolve to, and
    `folder` is where its file system is."""
    pod = one(objects, "Deployment", f"redistimer-{role}")["spec"]["template"]["spec"]
    container = role_container(objects, role)
    mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", ())}
    for volume in pod.get("volumes", ()):
        place = folder / mounts[volume["name"]].lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        for item in volume["secret"]["items"]:
            (place / item["path"]).write_text(secrets[volume["secret"]["secretName"]][item["key"]])
    environment = {
        **stack.environment(),
        "KUBECONFIG": str(stack.kubeconfig_for(NAMESPACE, pod["serviceAccountName"])),
        "PYTHONPATH": str(CHECKOUT),
    }
    for variable in container["env"]:
        value = _value(variable, secrets)
        for name, address in hosts.items():
            value = value.replace(name, address)
        environment[variable["name"]] = str(folder) + value if variable["name"].endswith("_FILE") else value
    arguments = list(container["args"])
    # In a Pod the kubelet has to reach it; here nobody else may.
    arguments[arguments.index("--http-host=0.0.0.0")] = "--http-host=127.0.0.1"
    arguments[arguments.index("--http-port=8080")] = "--http-port=0"
    return Running(stack.spawn(f"{folder.name}-{role}", [sys.executable, "-m", "controller", *arguments], environment))


def ask_for_readiness(objects: list[Object], addresses: list[str]) -> list[str]:
    """The command of the chart's test, asking these."""
    (pod,) = of_kind(objects, "Pod")
    (container,) = pod["spec"]["containers"]
    _, flag, script = container["command"]
    assert len(container["args"]) == len(addresses)
    return [sys.executable, flag, script, *(f"{address}/readyz" for address in addresses)]


def _value(variable: Object, secrets: Secrets) -> str:
    if "value" in variable:
        return str(variable["value"])
    source = variable["valueFrom"]
    if "fieldRef" in source:
        assert source == {"fieldRef": {"fieldPath": "metadata.namespace"}}, json.dumps(source)
        return NAMESPACE
    reference = source["secretKeyRef"]
    return secrets[reference["name"]][reference["key"]]


def _answer(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
