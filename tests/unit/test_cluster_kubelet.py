"""What the kubelet stand-in makes of a container's command and environment."""

from typing import Any

import pytest

from tests.cluster.kubelet.command import UnsupportedError, container_command

POD: dict[str, Any] = {
    "metadata": {
        "name": "hello-1",
        "namespace": "team",
        "uid": "0815",
        "labels": {"app": "hello"},
        "annotations": {"redistimer.dev/scheduled-at": "2026-11-22T10:00:00.000Z"},
    },
    "spec": {"serviceAccountName": "default"},
}


def argv(command: list[str], args: list[str] | None = None, env: list[dict[str, Any]] | None = None) -> list[str]:
    resolved = container_command(POD, {"command": command, "args": args or [], "env": env or []})
    assert resolved is not None
    return resolved.argv


def environment(*env: dict[str, Any]) -> dict[str, str]:
    resolved = container_command(POD, {"command": ["true"], "env": list(env)})
    assert resolved is not None
    return resolved.environment


def field(path: str) -> dict[str, Any]:
    return {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": path}}}


def test_args_follow_the_command() -> None:
    assert argv(["echo", "a"], ["b"]) == ["echo", "a", "b"]


def test_without_a_command_there_is_nothing_to_run_even_with_args() -> None:
    assert container_command(POD, {"args": ["--help"]}) is None


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("$(NAME)", "world"),
        ("hello $(NAME)!", "hello world!"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(NAME)", "$(NAME)"),
        ("$$", "$"),
        ("$NAME ${NAME}", "$NAME ${NAME}"),
        ("$(date +%s)", "$(date +%s)"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(written: str, seen: str) -> None:
    assert argv(["echo", written], env=[{"name": "NAME", "value": "world"}]) == ["echo", seen]


def test_a_variable_sees_only_those_before_it() -> None:
    env = environment(
        {"name": "EARLY", "value": "$(LATE)"}, {"name": "LATE", "value": "x"}, {"name": "LAST", "value": "$(LATE)y"}
    )

    assert (env["EARLY"], env["LAST"]) == ("$(LATE)", "xy")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "hello-1"),
        ("metadata.namespace", "team"),
        ("metadata.uid", "0815"),
        ("metadata.labels['app']", "hello"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['redistimer.dev/scheduled-at']", "2026-11-22T10:00:00.000Z"),
        ("spec.nodeName", ""),
        ("spec.serviceAccountName", "default"),
    ],
)
def test_the_downward_api_gives_fields_of_the_pod(path: str, value: str) -> None:
    assert environment(field(path))["FIELD"] == value


def test_nothing_of_the_hosts_environment_but_path_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_OF_THE_HOST", "secret")

    assert set(environment()) == {"PATH", "HOSTNAME"}


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"envFrom": [{"configMapRef": {"name": "c"}}]}, "does not support envFrom"),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {}}}]}, r"does not support secretKeyRef \(variable A\)"),
        ({"env": [field("status.hostIP")]}, r"does not support the field status\.hostIP; it knows metadata\.name"),
    ],
)
def test_what_is_not_supported_is_refused_with_a_message(container: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        container_command(POD, {"command": ["true"], **container})
