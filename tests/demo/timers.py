"""The four timers that the demo applies, one for each kind of schedule."""

from typing import Any

import yaml

from controller.core.instants import rfc3339
from controller.core.timer import API_VERSION, KIND

AT_AHEAD_S = 8
"""How far ahead the one-shot timer is: enough to be applied and to be looked forward to."""


def timers(now_ms: int) -> dict[str, dict[str, Any]]:
    """The specs by name; the one-shot is due some seconds after `now_ms`, on a whole second."""
    at_ms = (now_ms // 1000 + 1 + AT_AHEAD_S) * 1000
    return {
        "once-at": {"at": rfc3339(at_ms)},
        "after-creation": {"afterCreation": "10s"},
        "every": {"every": "5s"},
        "cron": {"schedule": "* * * * *"},
    }


def manifests(namespace: str, now_ms: int) -> str:
    """The YAML to apply."""
    return yaml.safe_dump_all(
        (
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": {"name": name, "namespace": namespace},
                "spec": {**schedule, "jobTemplate": _JOB},
            }
            for name, schedule in timers(now_ms).items()
        ),
        sort_keys=False,
    )


_ANNOTATION = "metadata.annotations['redistimer.dev/scheduled-at']"

_JOB = {
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "hello",
                        "image": "busybox:1.37",
                        # It takes a second, so that there is something to see of it.
                        "command": ["sh", "-c", 'echo "due ${DUE#*T}, ran $(date -u +%TZ)"; sleep 1'],
                        "env": [{"name": "DUE", "valueFrom": {"fieldRef": {"fieldPath": _ANNOTATION}}}],
                    }
                ],
            }
        }
    }
}
