"""What the API server accepts of a CronJob it accepts of a RedisTimer, but for differences that are meant.

docs/cronjob.md says the same in words, and names these tests.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from kubernetes.dynamic.exceptions import UnprocessibleEntityError

from tests.cluster.stack import CHECKOUT
from tests.conformance.manifests import EVERY_MINUTE
from tests.integration.product import Product
from tests.integration.world import NO_PODS, World, template

KINDS = ("CronJob", "RedisTimer")
UNACCEPTABLE = [
    ("schedule", None),
    ("schedule", ""),
    ("schedule", "* * * *"),
    ("schedule", "@often"),
    ("schedule", "TZ=UTC * * * * *"),
    ("schedule", "CRON_TZ=UTC * * * * *"),
    ("timeZone", ""),
    ("timeZone", "Local"),
    ("timeZone", "Europe/Nowhere"),
    ("concurrencyPolicy", "forbid"),
    ("startingDeadlineSeconds", -1),
    ("successfulJobsHistoryLimit", -1),
    ("failedJobsHistoryLimit", -1),
    ("jobTemplate", None),
    ("jobTemplate", {}),
    ("jobTemplate", {"spec": {}}),
    ("jobTemplate", template(parallelism=-1)),
    ("jobTemplate", template(backoffLimit=-1)),
    ("jobTemplate", {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "x"}]}}}}),
    ("jobTemplate", {"spec": {"template": {"spec": {"restartPolicy": "Always", "containers": []}}}}),
    ("jobTemplate", {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": []}}}}),
    ("jobTemplate", {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main"}]}}}}),
]


@pytest.mark.parametrize(("field", "value"), UNACCEPTABLE)
def test_what_one_refuses_the_other_does(world: World, field: str, value: object) -> None:
    assert [is_accepted(world, kind, **{field: value}) for kind in KINDS] == [False, False]


def test_names_may_be_longer(world: World) -> None:
    for length, accepted in ((53, [False, True]), (63, [False, True]), (64, [False, False])):
        assert [is_accepted(world, kind, "n" * length) for kind in KINDS] == accepted


def test_a_bad_schedule_is_reported(product: Product, world: World) -> None:
    """As a CronJob it is refused."""
    for number, schedule in enumerate(("61 * * * *", "* * * * 7", "5-1 * * * *")):
        assert not is_accepted(world, "CronJob", schedule=schedule)
        world.create(f"timer-{number}", schedule=schedule).wait_for_condition("Ready", "False", "InvalidSchedule")


def test_a_bad_template_is_reported(product: Product, world: World) -> None:
    """As a CronJob it is refused, and an unknown field dropped."""
    bad, misspelt = template(parallelism=0), template(parallelism=0, backofLimit=3)
    bad["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A=B", "value": "1"}]
    assert not is_accepted(world, "CronJob", jobTemplate=bad)
    spec = {"schedule": EVERY_MINUTE, "jobTemplate": misspelt}
    native = world.add("CronJob", "batch/v1", {"metadata": {"name": "misspelt"}, "spec": spec})
    assert "backofLimit" not in native["spec"]["jobTemplate"]["spec"]
    for name, job_template, word in (("bad", bad, "A=B"), ("misspelt", misspelt, "backofLimit")):
        timer = world.create(name, job_template, schedule=EVERY_MINUTE)
        ready = timer.wait_for_condition("Ready", "False", "InvalidTemplate")
        assert word in ready["message"]


def test_expressions_are_bounded(world: World) -> None:
    """A CronJob takes any length, and two characters more for spaces."""
    for schedule in ("0,0" + ",0" * 255 + " 0 1 1 *", "0\v0 1 1 *", "0\x850 1 1 *"):
        assert [is_accepted(world, kind, schedule=schedule) for kind in KINDS] == [True, False]


def test_the_docs_name_all_of_these_tests() -> None:
    text = (CHECKOUT / "docs" / "cronjob.md").read_text()
    named = set(re.findall(r"`(?:[\w/]+\.py::)?(test_\w+)`", text))
    ours = {name for path in Path(__file__).parent.glob("test_conformance*.py") for name in _tests_of(path)}
    assert ours - named == {"test_the_docs_name_all_of_these_tests"}
    assert named <= {name for path in (CHECKOUT / "tests").rglob("test_*.py") for name in _tests_of(path)}
    files = set(re.findall(r"`(tests/[\w/]+\.py)", text))
    assert [file for file in files if not (CHECKOUT / file).is_file()] == []


def is_accepted(world: World, kind: str, name: str = "any", **spec: Any) -> bool:
    """Whether the API server would create this; None takes a field out."""
    fields = {"schedule": "0 0 1 1 *", "jobTemplate": NO_PODS} | spec
    spec = {field: value for field, value in fields.items() if value is not None}
    api_version = {"CronJob": "batch/v1", "RedisTimer": "redistimer.dev/v1alpha1"}[kind]
    endpoint = world.cluster.resource(kind, api_version)
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
    try:
        endpoint.create(namespace=world.namespace, body=body, query_params=[("dryRun", "All")])
    except UnprocessibleEntityError:
        return False
    return True


def _tests_of(path: Path) -> list[str]:
    return re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE)
