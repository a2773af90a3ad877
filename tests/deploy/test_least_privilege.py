"""Least privilege: the rights that are given are those that are explained and used. No cluster is asked.

The integration tests keep the account: see tests/conftest.py.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cluster.stack import CHECKOUT
from tests.conftest import WholeRun
from tests.integration.rights import (
    USED_RIGHTS,
    Request,
    Right,
    beyond,
    credential_of,
    granted_by,
    pack,
    read_requests,
    unpack,
    used,
)

RBAC = CHECKOUT / "deploy" / "rbac.yaml"
RIGHTS = granted_by(RBAC)
INTEGRATION = [f"tests/integration/{file.name}" for file in (CHECKOUT / "tests" / "integration").glob("test_*.py")]

READ_LEASE = Right(
    account="redistimer-controller",
    role="Role/redistimer-controller",
    group="coordination.k8s.io",
    resource="leases",
    name="redistimer-controller",
    verb="get",
    namespace="redistimer-system",
)
ASKED = Request(
    account="redistimer-controller",
    credential="JTI=1",
    group="coordination.k8s.io",
    resource="leases",
    verb="get",
    namespace="redistimer-system",
    name="redistimer-controller",
    allowed=True,
)


def event(**changed: Any) -> dict[str, Any]:
    """A line of an audit log, as the API server writes it."""
    return {
        "verb": "patch",
        "user": {
            "username": "system:serviceaccount:redistimer-system:redistimer-worker",
            "extra": {"authentication.kubernetes.io/credential-id": ["JTI=1"]},
        },
        "objectRef": {
            "apiGroup": "redistimer.dev",
            "resource": "redistimers",
            "subresource": "status",
            "namespace": "a",
            "name": "b",
        },
        "responseStatus": {"code": 409},
        "annotations": {"authorization.k8s.io/decision": "allow"},
        **changed,
    }


def run_of(*files: str, **chosen: object) -> WholeRun:
    """A run of tests in which these files had their turn."""
    option = SimpleNamespace(**{"keyword": "", "markexpr": "", "deselect": None, "lf": False, **chosen})
    run = WholeRun(SimpleNamespace(option=option, args=["tests"], stash=pytest.Stash()))  # type: ignore[arg-type]
    for file in files:
        run.pytest_runtest_logreport(SimpleNamespace(nodeid=f"{file}::test_a"))  # type: ignore[arg-type]
    return run


def test_the_docs_explain_each_right_that_is_given_and_no_other() -> None:
    text = (CHECKOUT / "docs" / "security.md").read_text()
    rows = re.findall(
        r"^\| (controller|worker) \| ([a-z/.0-9]+)(?: `(\S+)`)? \| ([a-z, ]+) \| .*\|$", text, re.MULTILINE
    )
    explained = {
        (f"redistimer-{role}", resource, name, verb)
        for role, resource, name, verbs in rows
        for verb in verbs.split(", ")
    }
    given = {(right.account, f"{right.resource}.{right.group}".rstrip("."), right.name, right.verb) for right in RIGHTS}
    assert explained == given
    assert {right.namespace for right in RIGHTS if right.resource == "leases"} == {"redistimer-system"}


def test_rules_are_taken_apart_into_rights() -> None:
    assert READ_LEASE in RIGHTS
    assert {right.account for right in RIGHTS} == {"redistimer-controller", "redistimer-worker"}
    worker = {f"{right.verb} {right.resource}" for right in RIGHTS if right.account == "redistimer-worker"}
    assert worker == {
        "get redistimers",
        "patch redistimers/status",
        *(f"{verb} jobs" for verb in ("create", "get", "list", "delete", "patch")),
    }


@pytest.mark.parametrize("field", ["account", "group", "resource", "verb", "namespace", "name"])
def test_a_right_is_for_exactly_what_it_says(field: str) -> None:
    assert READ_LEASE.covers(ASKED)
    other = replace(ASKED, **{field: "another"})
    assert not READ_LEASE.covers(other)
    assert beyond(RIGHTS, {ASKED, other}) == {other}


def test_a_right_without_name_or_namespace_is_for_all() -> None:
    anywhere = replace(READ_LEASE, name="", namespace="")
    assert anywhere.covers(replace(ASKED, name="another", namespace="another"))


def test_what_was_refused_has_used_no_right() -> None:
    assert used(RIGHTS, {ASKED}) == {READ_LEASE}
    assert used(RIGHTS, {replace(ASKED, allowed=False)}) == set()


def test_what_is_granted_and_refused_all_the_same_is_not_too_much() -> None:
    """By an API server that has just started."""
    assert beyond(RIGHTS, {replace(ASKED, allowed=False)}) == set()


def test_the_audit_log_is_read_of_those_who_have_certain_tokens(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    visitor = {**event()["user"], "extra": {"authentication.kubernetes.io/credential-id": ["JTI=2"]}}
    lines = [
        event(),
        event(),
        event(annotations={"authorization.k8s.io/decision": "forbid"}, responseStatus={"code": 403}),
        event(user=visitor),
        event(objectRef=None),
        event(annotations={}),
    ]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"verb": "cut sho')
    asked = Request("redistimer-worker", "JTI=1", "redistimer.dev", "redistimers/status", "patch", "a", "b", True)
    assert read_requests(log, ["1"]) == {asked, replace(asked, allowed=False)}


def test_the_token_in_a_kubeconfig_has_an_id(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("users: [{name: user, user: {token: e30.eyJqdGkiOiJhYmMifQ.c2ln}}]")
    assert credential_of(kubeconfig) == "abc"


def test_rights_arrive_as_they_were_sent() -> None:
    assert unpack(pack(RIGHTS)) == RIGHTS


def test_a_whole_run_that_leaves_a_right_unused_fails_and_names_it() -> None:
    run = run_of(*INTEGRATION)
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    node = SimpleNamespace(workeroutput={"used_rights": pack(RIGHTS - {READ_LEASE})})
    run.pytest_testnodedown(node)
    run.pytest_sessionfinish(session, pytest.ExitCode.OK)  # type: ignore[arg-type]
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED
    assert [str(right) for right in run.unused] == [
        "redistimer-controller: get leases.coordination.k8s.io redistimer-controller (Role/redistimer-controller)"
    ]


def test_processes_together_have_to_have_used_everything() -> None:
    run = run_of(*INTEGRATION)
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    run.pytest_testnodedown(SimpleNamespace(workeroutput={"used_rights": pack(RIGHTS - {READ_LEASE})}))
    run.pytest_testnodedown(SimpleNamespace(workeroutput={"used_rights": pack({READ_LEASE})}))
    run.pytest_testnodedown(SimpleNamespace())  # one that crashed
    run.pytest_sessionfinish(session, pytest.ExitCode.OK)  # type: ignore[arg-type]
    assert session.exitstatus == pytest.ExitCode.OK
    assert run.unused == []


@pytest.mark.parametrize(
    "run",
    [
        run_of(*INTEGRATION[1:]),
        run_of(*INTEGRATION, keyword="firing"),
        run_of(*INTEGRATION, markexpr="slow"),
        run_of(*INTEGRATION, deselect=["a::b"]),
        run_of(*INTEGRATION, lf=True),
    ],
    ids=["without a file", "-k", "-m", "--deselect", "--lf"],
)
def test_a_part_of_the_tests_proves_nothing(run: WholeRun) -> None:
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    run.pytest_sessionfinish(session, pytest.ExitCode.OK)  # type: ignore[arg-type]
    assert session.exitstatus == pytest.ExitCode.OK


def test_one_of_several_processes_hands_over_what_it_knows() -> None:
    run = run_of()
    config: Any = run._config
    config.workeroutput = {}
    config.stash[USED_RIGHTS].add(READ_LEASE)
    run.pytest_sessionfinish(SimpleNamespace(), pytest.ExitCode.OK)  # type: ignore[arg-type]
    assert unpack(config.workeroutput["used_rights"]) == {READ_LEASE}
