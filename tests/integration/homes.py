"""Installations that serve only some namespaces: each has a namespace as its home, and rights by Roles alone."""

import itertools
import json
import sys
from collections.abc import Iterable
from typing import Any

import yaml

from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.integration.product import SETTINGS, Member, Role

_RBAC = CHECKOUT / "deploy" / "rbac.yaml"
_ROLES: tuple[Role, ...] = ("controller", "worker")
_numbers = itertools.count(1)


class Home:
    """The namespace of one installation, with an account for each of its roles."""

    def __init__(self, stack: Stack, name: str, installation: str = "default") -> None:
        self.stack = stack
        self.name = name
        self.installation = installation
        lease = "redistimer-controller" if installation == "default" else f"redistimer-controller-{installation}"
        own = [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [lease]}
            | {"verbs": ["get", "update"]},
            {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": [name], "verbs": ["get"]},
        ]
        accounts = [self._account(role) for role in _ROLES]
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self._apply([namespace, *accounts, *self._granted("controller", name, own, "home")])
        self._kubeconfigs = {role: stack.kubeconfig_for(name, f"redistimer-{role}") for role in _ROLES}

    def grant(self, namespace: str) -> None:
        """Give controller and worker their rights in a namespace."""
        granted = []
        for role in _ROLES:
            rules = [rule for rule in cluster_role(role)["rules"] if rule["resources"] != ["namespaces"]]
            granted += self._granted(role, namespace, rules, "timers")
        self._apply(granted)

    def revoke(self, namespace: str) -> None:
        """Take them back."""
        self.stack.kubectl("delete", "rolebinding", "-n", namespace, *(f"{self.name}-{role}-timers" for role in _ROLES))

    def grant_everywhere(self) -> None:
        """Give them the rights of an installation that serves all namespaces."""
        for role in _ROLES:
            name = f"redistimer-{role}"
            self._apply([cluster_role(role)])
            account = f"--serviceaccount={self.name}:{name}"
            self.stack.kubectl("create", "clusterrolebinding", f"{self.name}-{role}", f"--clusterrole={name}", account)

    def start(self, role: Role, namespaces: str, *flags: str) -> Member:
        """Start a controller or a worker that serves these namespaces, separated by commas."""
        name = f"{self.name}-{role}-{next(_numbers)}"
        environ = {
            **self.stack.environment(),
            **{f"REDISTIMER_{key}": value for key, value in SETTINGS.items()},
            "KUBECONFIG": str(self._kubeconfigs[role]),
            "PYTHONPATH": str(CHECKOUT),
            "REDISTIMER_IDENTITY": name,
            "REDISTIMER_INSTALLATION": self.installation,
            "REDISTIMER_NAMESPACE": self.name,
            "REDISTIMER_NAMESPACES": namespaces,
        }
        command = [sys.executable, "-m", "controller", role, *flags]
        return Member(name, role, self.stack.spawn(name, command, environ), standard=False)

    def refusals(self) -> list[str]:
        """What the API server has refused to these accounts, as the audit log has it."""
        assert self.stack.audit_log is not None
        found = []
        for line in self.stack.audit_log.read_text().splitlines():
            entry = json.loads(line)
            of_ours = entry["user"]["username"].startswith(f"system:serviceaccount:{self.name}:")
            if of_ours and entry.get("responseStatus", {}).get("code") == 403:
                found.append(f"{entry['verb']} {entry['requestURI']}")
        return found

    def _account(self, role: Role) -> dict[str, Any]:
        metadata = {"name": f"redistimer-{role}", "namespace": self.name}
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}

    def _granted(self, role: Role, namespace: str, rules: list[Any], what: str) -> list[dict[str, Any]]:
        api, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
        metadata = {"name": f"{self.name}-{role}-{what}", "namespace": namespace}
        account = {"kind": "ServiceAccount", "name": f"redistimer-{role}", "namespace": self.name}
        reference = {"apiGroup": group, "kind": "Role", "name": metadata["name"]}
        return [
            {"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": rules},
            {"apiVersion": api, "kind": "RoleBinding", "metadata": metadata, "roleRef": reference}
            | {"subjects": [account]},
        ]

    def _apply(self, objects: Iterable[dict[str, Any]]) -> None:
        # Server-side: kubectl would read each of them first.
        self.stack.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(objects))


def cluster_role(role: Role) -> dict[str, Any]:
    """What deploy/rbac.yaml allows a role in all namespaces."""
    objects = [each for each in yaml.safe_load_all(_RBAC.read_text()) if each["kind"] == "ClusterRole"]
    return next(each for each in objects if each["metadata"]["name"] == f"redistimer-{role}")
