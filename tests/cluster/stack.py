"""The local stack: what tests, the demo and benchmarks start, use and throw away."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.binaries import find_programs
from tests.cluster.control_plane import ControlPlane
from tests.cluster.guard import MARKER
from tests.cluster.guarded import Guarded
from tests.cluster.kubeconfig import write_kubeconfig
from tests.cluster.kubectl import run_kubectl, wait_until_established
from tests.cluster.kubelet.output import read_output
from tests.cluster.processes import Guard, Process
from tests.cluster.redis_server import RedisServer

CHECKOUT = Path(__file__).resolve().parents[2]


class Stack(Guarded):
    """A Kubernetes control plane and a Redis of one's own; several run side by side.

    Use it as a context manager. Inside: ``directory`` (a temporary folder with every log, as ``<name>.log``),
    ``server`` (URL of the API server), ``kubeconfig`` (of an administrator), ``redis`` and ``redis_url``,
    ``audit_log`` (with ``audit``). At the end, or when
    this process dies, every process is ended and the folder removed.

    ``audit`` may be a policy, as YAML, instead of the one that has a line for each request.
    ``controller_manager_flags`` come after the stack's own and win over them, e.g. ``--concurrent-cron-job-syncs=1``.
    """

    directory: Path
    kubeconfig: Path
    server: str
    redis: RedisServer
    etcd: Process
    api_server: Process
    controller_manager: Process
    kubelet: Process
    audit_log: Path | None

    def __init__(
        self,
        audit: bool | str = False,
        kubelet: bool = True,
        redis: bool = True,
        controller_manager_flags: Sequence[str] = (),
    ) -> None:
        self._audit = audit
        self._with_kubelet = kubelet
        self._with_redis = redis
        self._controller_manager_flags = controller_manager_flags

    def _start(self, guard: Guard) -> None:
        programs = find_programs()
        self.directory = guard.directory
        if self._with_redis:
            self.redis = RedisServer(guard)
            self.redis.start()
        self._plane = plane = ControlPlane(
            guard, programs, audit=self._audit, controller_manager_flags=self._controller_manager_flags
        )
        plane.start()
        self.kubeconfig, self.server, self.audit_log = plane.kubeconfig, plane.server, plane.audit_log
        self.etcd, self.api_server = plane.etcd, plane.api_server
        self.controller_manager = plane.controller_manager
        self._authority = plane.certificates.authority
        self._kubectl = _only_kubectl(guard.directory / "bin", programs["kubectl"])
        if self._with_kubelet:
            self.kubelet = self._start_kubelet()

    @property
    def redis_url(self) -> str:
        """The redis:// URL of this stack's Redis."""
        return self.redis.url

    def environment(self) -> dict[str, str]:
        """Return ``os.environ`` with KUBECONFIG, REDIS_URL, and PATH beginning with this stack's kubectl.

        A process started with it is ended together with the stack, whoever started it.
        """
        own = {
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": f"{self._kubectl.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            # kubectl remembers per host and port which kinds a server has; the next stack may have that port.
            "KUBECACHEDIR": str(self.directory / "kubectl-cache"),
            "KUBERC": "off",
            MARKER: str(self.directory),
        }
        if self._with_redis:
            own["REDIS_URL"] = self.redis_url
        return {**os.environ, **own}

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator; with ``check`` a failure raises StackError with what it printed."""
        return run_kubectl(self._kubectl, arguments, env=self.environment(), input=input, check=check)

    def apply(self, text_or_path: str | Path) -> None:
        """Apply manifests: a path, or their text."""
        is_path = isinstance(text_or_path, Path) or ("\n" not in text_or_path and Path(text_or_path).exists())
        if is_path:
            self.kubectl("apply", "-f", str(text_or_path))
        else:
            self.kubectl("apply", "-f", "-", input=str(text_or_path))

    def install(self) -> None:
        """Install this checkout's CRD and RBAC, and wait until the API server serves the CRD."""
        self.kubectl(
            "apply", "--server-side", "-f", str(CHECKOUT / "crds"), "-f", str(CHECKOUT / "deploy" / "rbac.yaml")
        )
        self.wait_until_established("-f", str(CHECKOUT / "crds"))

    def wait_until_established(self, *which: str, input: str | None = None) -> None:
        """Wait until the API server serves these CRDs, named as for kubectl."""
        wait_until_established(self.kubectl, *which, input=input)

    def restart_api_server(self) -> None:
        """Start the API server again on its port, after a test ended it, and wait until it is ready."""
        self._plane.restart_api_server()
        self.api_server = self._plane.api_server

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """Return a kubeconfig with a token (24 h) of that ServiceAccount, got from the API server."""
        token = self.kubectl("create", "token", "--duration=24h", "-n", namespace, service_account).stdout.strip()
        return write_kubeconfig(
            self.directory / f"kubeconfig-{namespace}-{service_account}",
            server=self.server,
            authority=self._authority,
            user={"token": token},
            namespace=namespace,
        )

    def pod_output(self, namespace: str, pod_name: str) -> str:
        """Return what the containers of a Pod have printed so far; it is kept when the Pod is deleted."""
        return read_output(self.directory / "pods", namespace, pod_name)

    def spawn(
        self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None, *, grace_s: float = 5.0
    ) -> Process:
        """Start a process of the product: its log is ``<directory>/<name>.log``, and it never outlives the stack.

        ``env`` is the whole environment, by default ``environment()``. At the stack's end it gets SIGTERM, and
        SIGKILL ``grace_s`` seconds later.
        """
        return self._running_guard.spawn(name, argv, self.environment() if env is None else env, grace_s=grace_s)

    def _start_kubelet(self) -> Process:
        command = [sys.executable, "-m", "tests.cluster.kubelet"]
        command += ["--kubeconfig", str(self.kubeconfig), "--directory", str(self.directory / "pods")]
        return self._running_guard.spawn("kubelet", command, dict(os.environ), cwd=CHECKOUT)


def _only_kubectl(folder: Path, program: Path) -> Path:
    """Make ``folder`` a place for PATH that has nothing but this kubectl, and return the kubectl's path there."""
    folder.mkdir()
    kubectl = folder / "kubectl"
    # The name matters: the compiled program is all four in one and goes by what it is called.
    kubectl.symlink_to(program)
    return kubectl
