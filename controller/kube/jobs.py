"""Deleting a Job, for whoever does: the controller beyond the history limits, a worker to replace it."""

from controller.core.job import Run
from controller.kube import paths
from controller.kube.api import ApiServer
from controller.kube.errors import ApiError


async def delete_job(api: ApiServer, run: Run, unchanged: bool = False) -> None:
    """Delete this very Job, and its Pods with it; one that is gone already is no error.

    With `unchanged` only in the version that was seen: one that may not run may be allowed to meanwhile.
    """
    version = {"resourceVersion": run.version} if unchanged else {}
    options = {"propagationPolicy": "Background", "preconditions": {"uid": run.uid, **version}}
    try:
        await api.delete(paths.job(run.namespace, run.name), options)
    except ApiError as error:
        # 404 and 409: it is gone, or a namesake has its place.
        if error.status not in (404, 409):
            raise
