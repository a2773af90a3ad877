"""Where the output of containers is kept."""

from pathlib import Path
from typing import Any

Manifest = dict[str, Any]


def output_folder(root: Path, pod: Manifest) -> Path:
    """Return the folder for a Pod's output: one for each UID, as a name may come again."""
    metadata = pod["metadata"]
    return root / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"


def output_file(folder: Path, position: int, container: str) -> Path:
    """Return the file for a container's output; ``position`` counts initContainers first, then containers."""
    return folder / f"{position:02}-{container}.log"


def read_output(root: Path, namespace: str, pod_name: str) -> str:
    """Return what all containers of the newest Pod of that name have printed, initContainers first."""
    # A name of Kubernetes has no underscore, so nothing else matches.
    folders = sorted(root.glob(f"{namespace}_{pod_name}_*"), key=lambda folder: folder.stat().st_mtime_ns)
    if not folders:
        return ""
    return "".join(log.read_text(errors="replace") for log in sorted(folders[-1].glob("*.log")))
