"""What a container's manifest says to run: argv and environment, expanded as Kubernetes does it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

# $$ is an escaped dollar sign; $(NAME) a reference, which stays as it is when nothing has that name.
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.\-][A-Za-z0-9_.\-]*)\)")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class UnsupportedError(Exception):
    """The stand-in cannot do what the manifest asks for; the message says what."""


@dataclass(frozen=True)
class Command:
    """What to execute, with the complete environment."""

    argv: list[str]
    environment: dict[str, str]


def container_command(pod: Manifest, container: Manifest) -> Command | None:
    """Return what to run for a container, or None when its manifest has no command (the image's is not known)."""
    if not container.get("command"):
        return None
    environment = _environment(pod, container)
    argv = [_expand(word, environment) for word in [*container["command"], *container.get("args", ())]]
    # A container sees nothing of the node's environment; without PATH no program would be found here.
    basis = {"PATH": os.environ.get("PATH", os.defpath), "HOSTNAME": pod["metadata"]["name"]}
    return Command(argv, basis | environment)


def _environment(pod: Manifest, container: Manifest) -> dict[str, str]:
    if container.get("envFrom"):
        raise UnsupportedError("the kubelet stand-in does not support envFrom; give each variable a value")
    environment: dict[str, str] = {}
    for variable in container.get("env", ()):
        name, source = variable["name"], variable.get("valueFrom")
        if source is None:
            environment[name] = _expand(variable.get("value", ""), environment)
        elif "fieldRef" in source:
            environment[name] = _field(pod, source["fieldRef"]["fieldPath"])
        else:
            raise UnsupportedError(
                f"the kubelet stand-in does not support {', '.join(source)} (variable {name}); use value or fieldRef"
            )
    return environment


def _field(pod: Manifest, path: str) -> str:
    metadata, spec = pod["metadata"], pod["spec"]
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
    }
    if path in fields:
        return str(fields[path])
    if match := _SUBSCRIPT.fullmatch(path):
        return str(metadata.get(match[1], {}).get(match[2], ""))
    raise UnsupportedError(
        f"the kubelet stand-in does not support the field {path}; it knows {', '.join(fields)},"
        " metadata.labels['KEY'] and metadata.annotations['KEY']"
    )


def _expand(text: str, environment: Mapping[str, str]) -> str:
    def replacement(match: re.Match[str]) -> str:
        return "$" if match[1] is None else environment.get(match[1], match[0])

    return _REFERENCE.sub(replacement, text)
