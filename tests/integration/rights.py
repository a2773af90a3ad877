"""What controller and workers may do, by deploy/rbac.yaml, against what they ask for, by the audit log.

The API server writes down each of their requests, and whether RBAC allowed it.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
import yaml

Object = Mapping[str, Any]

POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ["system:serviceaccounts:redistimer-system"]
  - level: None
"""
"""What the API server is to write down. A watch has a line when it begins, as its end may come after everything."""

_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_DECISION = "authorization.k8s.io/decision"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource that a rule gives to a ServiceAccount."""

    account: str
    role: str
    """ClusterRole/name or Role/name."""
    group: str
    resource: str
    """With the subresource, if any: redistimers/status."""
    name: str
    """Of the only object it is for, "" where it is for all of them."""
    verb: str
    namespace: str = ""
    """The only one it holds in, "" for all."""

    def covers(self, request: "Request") -> bool:
        """Whether it is what allows this request."""
        return (
            (self.account, self.group, self.resource, self.verb)
            == (request.account, request.group, request.resource, request.verb)
            and self.namespace in ("", request.namespace)
            and self.name in ("", request.name)
        )

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        only = f" {self.name}" if self.name else ""
        return f"{self.account}: {self.verb} {resource}{only} ({self.role})"


@dataclass(frozen=True, slots=True, order=True)
class Request:
    """What somebody asked of the API server about a resource."""

    account: str
    credential: str
    """The id of the token that it came with."""
    group: str
    resource: str
    verb: str
    namespace: str
    name: str
    allowed: bool
    """By RBAC: what a quota or a schema refuses is allowed."""

    @classmethod
    def read(cls, event: Object) -> Self | None:
        """Of an event of the audit log; None where it is about no resource, like discovery, or RBAC was not asked."""
        about, decision = event.get("objectRef"), (event.get("annotations") or {}).get(_DECISION)
        if about is None or "resource" not in about or decision is None:
            return None
        user = event["user"]
        return cls(
            account=user["username"].rpartition(":")[2],
            credential=(user.get("extra") or {}).get(_CREDENTIAL, [""])[0],
            group=about.get("apiGroup", ""),
            resource="/".join(filter(None, (about["resource"], about.get("subresource")))),
            verb=event["verb"],
            namespace=about.get("namespace", ""),
            name=about.get("name", ""),
            allowed=decision == "allow",
        )

    def __str__(self) -> str:
        where = "/".join(filter(None, (self.namespace, self.name)))
        return f"{self.account}: {self.verb} {self.resource}{'.' if self.group else ''}{self.group} {where}".rstrip()


def granted(manifests: Iterable[Object]) -> set[Right]:
    """All rights that the bindings among these objects give to ServiceAccounts; roles have to be among them as well."""
    objects = list(manifests)
    roles = {(each["kind"], each["metadata"]["name"]): each for each in objects if each["kind"].endswith("Role")}
    return {
        Right(
            account=subject["name"],
            role=f"{binding['roleRef']['kind']}/{binding['roleRef']['name']}",
            group=group,
            resource=resource,
            name=name,
            verb=verb,
            namespace=binding["metadata"].get("namespace", ""),
        )
        for binding in objects
        if binding["kind"].endswith("RoleBinding")
        for subject in binding["subjects"]
        for rule in roles[binding["roleRef"]["kind"], binding["roleRef"]["name"]]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def granted_by(file: Path) -> set[Right]:
    """All rights that a manifest gives."""
    return granted(yaml.safe_load_all(file.read_text()))


def used(rights: Iterable[Right], requests: Iterable[Request]) -> set[Right]:
    """Those rights that were needed for a request."""
    asked = {request for request in requests if request.allowed}
    return {right for right in rights if any(right.covers(request) for request in asked)}


def beyond(rights: Iterable[Right], requests: Iterable[Request]) -> set[Request]:
    """What was asked for that none of these rights is for.

    An API server that has just started refuses what it has not read the roles for: what is granted counts as granted.
    """
    known = set(rights)
    return {request for request in requests if not any(right.covers(request) for right in known)}


def read_requests(audit_log: Path, credentials: Iterable[str]) -> set[Request]:
    """The different requests in an audit log that came with these tokens."""
    known = {f"JTI={credential}" for credential in credentials}
    requests = set()
    with audit_log.open("rb") as lines:
        for line in lines:
            # The API server may be writing the last one.
            if line.endswith(b"\n") and (request := Request.read(orjson.loads(line))) and request.credential in known:
                requests.add(request)
    return requests


def credential_of(kubeconfig: Path) -> str:
    """The id of the token in a kubeconfig of a ServiceAccount."""
    token = str(yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"])
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


USED_RIGHTS = pytest.StashKey[set[Right]]()
"""Where a run of tests keeps the rights that the product has used so far."""


def pack(rights: Iterable[Right]) -> list[tuple[str, ...]]:
    """Rights as what one process can send another."""
    return [astuple(right) for right in sorted(rights)]


def unpack(packed: Iterable[Iterable[str]]) -> set[Right]:
    """What was packed."""
    return {Right(*fields) for fields in packed}
