"""Credentials for a cluster, found where kubectl finds them."""

import ipaddress
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

from controller.settings import SettingsError

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


async def load_credentials(kubeconfig: Path | None, context: str | None) -> tuple[Configuration, str | None]:
    """Address and credentials, and the namespace that goes with them, None where none does.

    From the file named, else KUBECONFIG, else ~/.kube/config, else the service account of the Pod around this process.
    Raises SettingsError where there are none.
    """
    configuration = Configuration()
    files = _files(kubeconfig)
    if files is None:
        return configuration, _load_service_account(configuration)
    try:
        loader = await config.load_kube_config(files, context, configuration)
        return configuration, loader.current_context["context"].get("namespace")
    # What a file that is no kubeconfig makes the library stumble over is nothing that it documents.
    except Exception as error:
        raise SettingsError(_problem(files, context, error)) from None


def contexts(kubeconfig: Path | None) -> list[str]:
    """The names of the contexts that there are; none where there is no kubeconfig."""
    try:
        files = _files(kubeconfig)
    except SettingsError:
        return []
    return _contexts(files) if files else []


def is_loopback(server: str) -> bool:
    """Whether an address is on this machine: no proxy is asked for that."""
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _files(kubeconfig: Path | None) -> str | None:
    """The kubeconfig, or several as KUBECONFIG lists them; None where there is none."""
    if kubeconfig is not None:
        named, files = "--kubeconfig", str(kubeconfig)
    elif files := os.environ.get("KUBECONFIG", ""):
        named = "KUBECONFIG"
    else:
        usual = Path("~/.kube/config").expanduser()
        return str(usual) if os.access(usual, os.R_OK) else None
    # Of several files those that are missing do not matter, as long as one is there.
    if not any(os.path.isfile(file) and os.access(file, os.R_OK) for file in files.split(os.pathsep)):
        raise SettingsError(f"{named}: {files} cannot be read: name a kubeconfig that exists")
    return files


def _load_service_account(configuration: Configuration) -> str | None:
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        raise SettingsError(
            "no cluster to talk to: set KUBECONFIG or --kubeconfig to a kubeconfig (~/.kube/config is not there either)"
        ) from None
    return _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.is_file() else None


def _problem(files: str, context: str | None, error: Exception) -> str:
    if context is not None and (known := _contexts(files)) and context not in known:
        return f"--context: {files} has no context {context}: there are {', '.join(sorted(known))}"
    told = isinstance(error, (config.ConfigException, yaml.YAMLError, OSError)) and str(error)
    return f"{files} cannot be used as a kubeconfig: {told or 'it is none'}"


def _contexts(files: str) -> list[str]:
    try:
        known: list[dict[str, Any]] = config.list_kube_config_contexts(files)[0]
        return [str(context["name"]) for context in known]
    except Exception:
        return []
