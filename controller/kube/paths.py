"""Where the API server serves what this project uses.

Whatever names something is quoted: workers know some names from Redis, and statuses hold others, and neither must be
able to name anything else.
"""

from urllib.parse import quote

from controller.core.timer import GROUP, PLURAL, VERSION

ALL_TIMERS = f"/apis/{GROUP}/{VERSION}/{PLURAL}"
ALL_JOBS = "/apis/batch/v1/jobs"
CLUSTER_IDENTITY = "/api/v1/namespaces/kube-system"
"""The UID of this namespace names the cluster: it exists in each, and nobody recreates it."""


def namespace(name: str) -> str:
    """A namespace itself."""
    return f"/api/v1/namespaces/{_part(name)}"


def timers(namespace: str | None) -> str:
    """The RedisTimers of a namespace; of all where it is None."""
    if namespace is None:
        return ALL_TIMERS
    return f"/apis/{GROUP}/{VERSION}/namespaces/{_part(namespace)}/{PLURAL}"


def timer(namespace: str, name: str) -> str:
    """A RedisTimer."""
    return f"{timers(namespace)}/{_part(name)}"


def timer_status(namespace: str, name: str) -> str:
    """A RedisTimer's status."""
    return f"{timer(namespace, name)}/status"


def jobs(namespace: str | None) -> str:
    """The Jobs of a namespace; of all where it is None."""
    if namespace is None:
        return ALL_JOBS
    return f"/apis/batch/v1/namespaces/{_part(namespace)}/jobs"


def job(namespace: str, name: str) -> str:
    """A Job."""
    return f"{jobs(namespace)}/{_part(name)}"


def events(namespace: str) -> str:
    """The Events of a namespace."""
    return f"/api/v1/namespaces/{_part(namespace)}/events"


def leases(namespace: str) -> str:
    """The Leases of a namespace."""
    return f"/apis/coordination.k8s.io/v1/namespaces/{_part(namespace)}/leases"


def _part(name: str) -> str:
    return quote(name, safe="")
