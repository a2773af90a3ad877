"""Where the demo runs: a local stack of its own, or an existing cluster that KUBECONFIG names."""

import base64
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.cluster import Process, RedisServer, Stack, StackError
from tests.cluster.binaries import find_programs
from tests.cluster.kubectl import run_kubectl, wait_until_established
from tests.cluster.processes import Guard
from tests.harness.product import Host

CHECKOUT = Path(__file__).resolve().parents[2]
_REQUEST_TIMEOUT = "--request-timeout=20s"


class Cluster(Host, Protocol):
    """A cluster that the product is installed in."""

    kubeconfig: Path
    namespace: str
    where: str
    """What to tell people about it, in one line."""
    hints: list[str]
    """Lines to copy into another terminal."""
    patience_s: float
    """How long Jobs may take to finish after the end."""

    def kubectl(self, *arguments: str, input: str | None = None) -> str:
        """What kubectl prints; raises StackError where it fails."""

    def pod_output(self, namespace: str, pod_name: str) -> str:
        """What the containers of a Pod have printed."""


@contextmanager
def cluster_for(environ: Mapping[str, str], say: Callable[[str], None]) -> Iterator[Cluster]:
    """Where KUBECONFIG is set, that cluster; else a stack of our own. Raises StackError."""
    if environ.get("KUBECONFIG"):
        say(f"Using the cluster of KUBECONFIG={environ['KUBECONFIG']} (unset it to get a local one) ...")
        with Guard() as guard:
            cluster = ExistingCluster(guard)
            try:
                cluster.prepare()
                yield cluster
            finally:
                say(cluster.leave())
    else:
        say("Starting a Kubernetes control plane and Redis here (about 5 seconds) ...")
        with Stack() as stack:
            yield LocalCluster(stack)


class LocalCluster:
    """A Stack with the product installed."""

    namespace = "demo"
    patience_s = 30.0

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.kubeconfig = stack.kubeconfig
        self.where = f"API server {stack.server}, Redis {stack.redis_url}"
        stack.install()
        self.kubectl("create", "namespace", self.namespace)
        # It is our own kubeconfig: whoever uses it from another terminal sees the demo without -n.
        self.kubectl("config", "set-context", "--current", f"--namespace={self.namespace}")
        self.hints = [f"export KUBECONFIG={self.kubeconfig}"]
        if shutil.which("kubectl") is None:
            self.hints.append(f"export PATH=$PATH:{stack.environment()['PATH'].partition(os.pathsep)[0]}")
        self.hints.append("kubectl get redistimers,jobs")

    def kubectl(self, *arguments: str, input: str | None = None) -> str:
        return self._stack.kubectl(*arguments, input=input).stdout

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        return self._stack.kubeconfig_for(namespace, service_account)

    def environment(self) -> dict[str, str]:
        return self._stack.environment()

    def spawn(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
        return self._stack.spawn(name, argv, env)

    def pod_output(self, namespace: str, pod_name: str) -> str:
        return self._stack.pod_output(namespace, pod_name)


class ExistingCluster:
    """Somebody's cluster: CRD and RBAC are applied to it; Redis and the product run on this machine."""

    patience_s = 120.0

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._kubectl = _kubectl_program(guard)
        self.namespace = f"redistimer-demo-{secrets.token_hex(2)}"
        try:
            self._view = json.loads(self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
            self.kubectl("get", "--raw", "/readyz", _REQUEST_TIMEOUT)
        except StackError as error:
            raise StackError(f"the cluster of KUBECONFIG cannot be used: {error}") from None
        self.kubeconfig = self._write("kubeconfig", self._view)
        self.hints = [
            f"export KUBECONFIG={os.environ['KUBECONFIG']}",
            f"kubectl -n {self.namespace} get redistimers,jobs",
        ]

    def prepare(self) -> None:
        """Start a Redis on this machine, and install the product and a namespace in the cluster."""
        self._redis = RedisServer(self._guard)
        self._redis.start()
        self.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "crds"), "-f", str(CHECKOUT / "deploy/rbac.yaml"))
        wait_until_established(self.kubectl, "-f", str(CHECKOUT / "crds"))
        self.kubectl("create", "namespace", self.namespace)
        server = self._view["clusters"][0]["cluster"]["server"]
        self.where = f"API server {server}, Redis {self._redis.url}"

    def leave(self) -> str:
        """Ask for the deletion of the namespace, which goes on without us; what to tell people about it."""
        try:
            self.kubectl("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found", _REQUEST_TIMEOUT)
        except StackError as error:
            return f"Namespace {self.namespace} is left in the cluster: {error}"
        return (
            f"Namespace {self.namespace} is being deleted. CRD and RBAC stay in the cluster; to remove them, and with "
            "them every RedisTimer:\n  kubectl delete -f crds -f deploy/rbac.yaml"
        )

    def kubectl(self, *arguments: str, input: str | None = None) -> str:
        return run_kubectl(self._kubectl, arguments, input=input).stdout

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        token = self.kubectl("create", "token", "--duration=24h", "-n", namespace, service_account).strip()
        cluster = dict(self._view["clusters"][0]["cluster"])
        if authority := cluster.pop("certificate-authority-data", None):
            # By path: data inside a kubeconfig makes Python clients leave copies behind when they are killed.
            path = self._guard.directory / "authority.crt"
            path.write_bytes(base64.b64decode(authority))
            cluster["certificate-authority"] = str(path)
        content = {
            "clusters": [{"name": "demo", "cluster": cluster}],
            "users": [{"name": "demo", "user": {"token": token}}],
            "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "demo"}}],
            "current-context": "demo",
        }
        return self._write(f"kubeconfig-{service_account}", content)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "REDIS_URL": self._redis.url}

    def spawn(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
        return self._guard.spawn(name, argv, env, grace_s=5)

    def pod_output(self, namespace: str, pod_name: str) -> str:
        try:
            return self.kubectl("logs", "-n", namespace, pod_name, "--all-containers", _REQUEST_TIMEOUT)
        except StackError:
            return ""  # the Pod is gone, or never began

    def _write(self, name: str, content: Mapping[str, Any]) -> Path:
        path = self._guard.directory / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return path


def _kubectl_program(guard: Guard) -> Path:
    found = shutil.which("kubectl")
    if found:
        return Path(found)
    # The name matters: the compiled program is several in one and goes by what it is called.
    kubectl = guard.directory / "kubectl"
    kubectl.symlink_to(find_programs()["kubectl"])
    return kubectl
