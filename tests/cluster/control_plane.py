"""etcd, kube-apiserver and kube-controller-manager: how they are started, and when they are ready."""

import http.client
import shutil
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.binaries import Programs
from tests.cluster.certificates import Certificates, create_certificates
from tests.cluster.errors import ComponentError, PortTakenError
from tests.cluster.kubeconfig import write_kubeconfig
from tests.cluster.ports import free_ports, says_port_taken
from tests.cluster.processes import Guard, Process

_READY_S = 90.0
_PORT_ATTEMPTS = 5
# The controllers that CronJobs, Jobs and what Pods need are made of; Pods are run by the kubelet stand-in.
_CONTROLLERS = (
    "job-controller",
    "cronjob-controller",
    "ttl-after-finished-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    "resourcequota-controller",
    "clusterrole-aggregation-controller",
)
_ISSUER = "https://kubernetes.default.svc"
_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
"""


class ControlPlane:
    """One control plane under a guard. ``server`` and ``kubeconfig`` (of an administrator) are known once it runs."""

    def __init__(
        self, guard: Guard, programs: Programs, *, audit: bool | str, controller_manager_flags: Sequence[str]
    ) -> None:
        self._guard = guard
        self._programs = programs
        self._controller_manager_flags = controller_manager_flags
        self.certificates: Certificates = create_certificates(guard.directory / "certificates")
        self.kubeconfig = guard.directory / "kubeconfig"
        self.audit_log = guard.directory / "audit.log" if audit else None
        self._audit_policy = audit if isinstance(audit, str) else _AUDIT_POLICY
        self.server = ""
        self.etcd: Process
        self.api_server: Process
        self.controller_manager: Process

    def start(self) -> None:
        """Start everything and wait until it is ready; ComponentError, with the end of its log, if it does not."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            started: list[Process] = []
            try:
                self._start_on(free_ports(3), started)
            except PortTakenError:
                if attempt == _PORT_ATTEMPTS:
                    raise
                for process in started:
                    process.kill()
                    process.wait()
            else:
                return

    def restart_api_server(self) -> None:
        """Start the API server again on its port, after somebody ended it, and wait until it is ready."""
        self.api_server.kill()
        self.api_server.wait()
        self.api_server = self._start_api_server()
        self._wait_for("/readyz", time.monotonic() + _READY_S, [self.etcd, self.api_server])

    def _start_on(self, ports: Sequence[int], started: list[Process]) -> None:
        etcd_client, etcd_peer, self._port = ports
        self._etcd_url = f"http://127.0.0.1:{etcd_client}"
        self.server = f"https://127.0.0.1:{self._port}"
        write_kubeconfig(
            self.kubeconfig,
            server=self.server,
            authority=self.certificates.authority,
            user={
                "client-certificate": str(self.certificates.admin),
                "client-key": str(self.certificates.admin_key),
            },
        )
        self.etcd = self._start_etcd(self._etcd_url, f"http://127.0.0.1:{etcd_peer}")
        started.append(self.etcd)
        self.api_server = self._start_api_server()
        started.append(self.api_server)
        deadline = time.monotonic() + _READY_S
        self._wait_for("/readyz", deadline, started)
        self.controller_manager = self._start_controller_manager()
        started.append(self.controller_manager)
        self._wait_for("/api/v1/namespaces/default/serviceaccounts/default", deadline, started)

    def _start_etcd(self, client: str, peer: str) -> Process:
        data = self._guard.directory / "etcd"
        shutil.rmtree(data, ignore_errors=True)
        # The compiled-in etcd knows these three flags only and derives the rest; any other one reads its environment.
        settings = {
            "ETCD_NAME": "local",
            "ETCD_ADVERTISE_CLIENT_URLS": client,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
            "ETCD_INITIAL_CLUSTER": f"local={peer}",
            "ETCD_UNSAFE_NO_FSYNC": "true",
            "ETCD_LOG_LEVEL": "warn",
        }
        command: list[str | Path] = [self._programs["etcd"], f"--data-dir={data}"]
        command += [f"--listen-client-urls={client}", f"--listen-peer-urls={peer}"]
        return self._guard.spawn("etcd", command, settings)

    def _start_api_server(self) -> Process:
        files = self.certificates
        command: list[str | Path] = [
            self._programs["kube-apiserver"],
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={files.authority.parent}",
            f"--tls-cert-file={files.server}",
            f"--tls-private-key-file={files.server_key}",
            f"--client-ca-file={files.authority}",
            "--authorization-mode=RBAC",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={files.service_account_key}",
            f"--service-account-signing-key-file={files.service_account_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",  # nobody reaches this server through a Service
        ]
        if self.audit_log is not None:
            policy = self._guard.directory / "audit-policy.yaml"
            policy.write_text(self._audit_policy)
            command += [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}"]
            command += ["--audit-log-maxsize=4096"]  # megabytes; a test reads one file, so it must not be rotated
        return self._guard.spawn("kube-apiserver", command, {})

    def _start_controller_manager(self) -> Process:
        files = self.certificates
        command: list[str | Path] = [
            self._programs["kube-controller-manager"],
            f"--kubeconfig={self.kubeconfig}",
            "--secure-port=0",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={files.service_account_key}",
            f"--root-ca-file={files.authority}",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            *self._controller_manager_flags,
        ]
        return self._guard.spawn("kube-controller-manager", command, {})

    def _wait_for(self, path: str, deadline: float, needed: Sequence[Process]) -> None:
        """Wait until the API server answers GET ``path`` with 200."""
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        context.load_cert_chain(self.certificates.admin, self.certificates.admin_key)
        answer = "no answer yet"
        while time.monotonic() < deadline:
            connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=context, timeout=5)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                if response.status == 200:
                    return
                answer = f"{response.status} {response.read(500).decode(errors='replace')}"
            except OSError as error:
                answer = str(error)
            finally:
                connection.close()
            for process in needed:
                if (code := process.poll()) is not None:
                    failure = PortTakenError if says_port_taken(process.log_text()) else ComponentError
                    raise failure(f"{process.name} ended with exit code {code} while starting:\n{process.log_tail()}")
            time.sleep(0.05)
        logs = "\n".join(f"  last lines of {process.name}:\n{process.log_tail()}" for process in needed)
        raise ComponentError(f"{path} not ready after {_READY_S:.0f} s (last answer: {answer})\n{logs}")
