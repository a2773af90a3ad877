"""Write kubeconfig files."""

from pathlib import Path

import yaml


def write_kubeconfig(
    path: Path, *, server: str, authority: Path, user: dict[str, str], namespace: str = "default"
) -> Path:
    """Write a kubeconfig with one context to ``path``, readable by this user only, and return the path.

    Certificates are named by path: data inside a kubeconfig makes Python clients leave copies in the system's
    temporary folder when they are killed.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": server, "certificate-authority": str(authority)}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "user", "namespace": namespace}}],
        "current-context": "local",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
