"""What the API server accepts as a RedisTimer, and what a user reads when it does not.

Every object is applied with ``--dry-run=server`` unless it must exist: the answer is the same and nothing is left. The
long tables are asked of the API server without kubectl: to start it costs more than the answer.
"""

import json
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiException, CustomObjectsApi
from kubernetes.config import new_client_from_config

from controller.core.timer import GROUP, PLURAL, VERSION
from tests.cluster.errors import StackError
from tests.cluster.stack import Stack
from tests.integration.crd_cases import ACCEPTED, BAD_POD_SPECS, JOB_TEMPLATE, REFUSED, manifest

ROOT = Path(__file__).parents[2]
CRD = ROOT / "crds" / "redistimers.yaml"
EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))

# `kubectl apply` keeps a copy of the object in an annotation, and annotations end at 262,144 bytes together.
LARGEST_CRD_BYTES = 131_072

STATUS = {
    "observedGeneration": 1,
    "handledThrough": "2026-10-31T08:00:00.000Z",
    "timingHash": "3f2a",
    "scheduleSummary": "0 9 * * *",
    "nextScheduleTime": "2999-11-01T08:00:00Z",
    "lastScheduleTime": "2020-10-31T08:00:00Z",
    "lastMissedTime": "2020-10-30T08:00:00Z",
    "lastSkippedTime": "2020-10-29T08:00:00Z",
    "lastFailedTime": "2020-10-28T08:00:07Z",
    "lastFailure": {"jobName": "daily-0", "reason": "BackoffLimitExceeded", "message": "Job has reached the limit"},
    "consecutiveFailures": 0,
    "lastHandledTrigger": "r" * 253,
    "active": [
        {"name": "daily-1", "uid": "u", "scheduledAt": "2026-10-31T08:00:00.000Z"},
        {"name": "daily-2", "uid": "v", "scheduledAt": "2026-10-31T08:10:00.000Z", "trigger": "try-again"},
    ],
    "activeCount": 7,
    "runs": {"succeeded": 41, "failed": 3, "missed": 2, "skipped": 5},
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Scheduled",
            "message": "",
            "lastTransitionTime": "2026-10-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ],
}

DryRun = Callable[..., dict[str, Any]]
Admit = Callable[[dict[str, Any]], dict[str, Any]]

CRONJOB = """
apiVersion: batch/v1
kind: CronJob
metadata:
  name: report
  labels: {team: billing}
spec:
  schedule: "30 6 * * MON-FRI"
  timeZone: America/New_York
  startingDeadlineSeconds: 600
  concurrencyPolicy: Allow
  suspend: false
  successfulJobsHistoryLimit: 5
  failedJobsHistoryLimit: 2
  jobTemplate:
    metadata:
      name: report
      labels: {team: billing}
    spec:
      completions: 3
      completionMode: Indexed
      backoffLimitPerIndex: 1
      podFailurePolicy:
        rules:
          - action: FailJob
            onExitCodes: {operator: In, values: [42]}
      template:
        metadata:
          annotations: {example.com/cost-centre: "7"}
        spec:
          restartPolicy: Never
          nodeSelector: {disk: ssd}
          initContainers:
            - {name: fetch, image: "busybox:1.37"}
          containers:
            - name: report
              image: busybox:1.37
              args: [date]
              resources:
                limits: {cpu: 500m, memory: 1Gi}
              volumeMounts:
                - {name: scratch, mountPath: /scratch}
          volumes:
            - {name: scratch, emptyDir: {}}
"""


def as_redistimer(cronjob: str) -> dict[str, Any]:
    """The manifest of a CronJob with its apiVersion and kind changed, and nothing else."""
    changed: dict[str, Any] = yaml.safe_load(cronjob) | {"apiVersion": "redistimer.dev/v1alpha1", "kind": "RedisTimer"}
    return changed


@pytest.fixture
def dry_run(stack: Stack) -> DryRun:
    """Apply an object on the API server without keeping it; returns what would be stored."""

    def apply(what: dict[str, Any], *options: str) -> dict[str, Any]:
        command = ["apply", "--dry-run=server", "-o", "json", "-f", "-", *options]
        stored: dict[str, Any] = json.loads(stack.kubectl(*command, input=json.dumps(what)).stdout)
        return stored

    return apply


@pytest.fixture(scope="module")
def admit(stack: Stack) -> Iterator[Admit]:
    """Create a timer on the API server without keeping it; returns what would be stored, or raises ApiException."""
    with new_client_from_config(str(stack.kubeconfig)) as client:
        timers = CustomObjectsApi(client)

        def create(timer: dict[str, Any]) -> dict[str, Any]:
            where = GROUP, VERSION, "default", PLURAL
            stored: dict[str, Any] = timers.create_namespaced_custom_object(
                *where, timer, dry_run="All", field_validation="Strict"
            )
            return stored

        yield create


@pytest.fixture
def namespace(stack: Stack) -> Iterator[str]:
    """A namespace of its own for objects that must exist."""
    name = f"test-crd-{uuid.uuid4().hex[:8]}"
    stack.kubectl("create", "namespace", name)
    yield name
    stack.kubectl("delete", "namespace", name, "--wait=false")


def mistakes(admit: Admit, timer: dict[str, Any]) -> list[str]:
    """What the API server finds wrong, as kubectl prints it, but for the note that some rules were left out then."""
    with pytest.raises(ApiException) as refusal:
        admit(timer)
    causes = json.loads(refusal.value.body)["details"]["causes"]
    found = [f"{cause.get('field', '')}: {cause['message']}" for cause in causes]
    return [one for one in found if "some validation rules were not checked" not in one]


@pytest.mark.parametrize("spec", ACCEPTED, ids=str)
def test_a_good_spec_is_accepted(admit: Admit, spec: dict[str, Any]) -> None:
    assert admit(manifest(spec))["spec"].items() >= spec.items()


@pytest.mark.parametrize(("spec", "field", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_bad_spec_is_refused_in_words_a_user_can_act_on(
    admit: Admit, spec: dict[str, Any], field: str, words: list[str]
) -> None:
    [message] = mistakes(admit, manifest(spec))
    assert message.startswith(f"{field}: ")
    for expected in words:
        assert expected in message


@pytest.mark.parametrize(("pod_spec", "field", "words"), BAD_POD_SPECS, ids=lambda value: str(value)[:60])
def test_a_bad_pod_template_is_refused_where_it_is_wrong(
    admit: Admit, pod_spec: dict[str, Any], field: str, words: str
) -> None:
    timer = manifest({"every": "5s", "jobTemplate": {"spec": {"template": {"spec": pod_spec}}}})
    found = mistakes(admit, timer)
    assert any(
        message.startswith(f"spec.jobTemplate.spec.template.{field}: ") and words in message for message in found
    )


def test_kubectl_prints_the_words_of_a_refusal(dry_run: DryRun) -> None:
    with pytest.raises(StackError) as refusal:
        dry_run(manifest({"schedule": "* * * *"}))
    assert "is invalid: spec.schedule: " in str(refusal.value)
    assert "accepted are five: minute, hour, day of month, month, day of week," in str(refusal.value)


def test_a_name_has_at_most_63_characters(dry_run: DryRun) -> None:
    dry_run(manifest({"every": "5s"}, name="n" * 63))
    with pytest.raises(StackError, match=r"metadata\.name: .*at most 63 characters are accepted"):
        dry_run(manifest({"every": "5s"}, name="n" * 64))


def test_a_misspelt_field_is_refused(dry_run: DryRun) -> None:
    with pytest.raises(StackError, match=re.escape('unknown field "spec.evry"')):
        dry_run(manifest({"every": "5s", "evry": "5s"}), "--validate=strict")


def test_a_misspelt_field_of_the_pod_template_is_refused(dry_run: DryRun) -> None:
    template = {"spec": {"template": {"sepc": {}, **JOB_TEMPLATE["spec"]["template"]}}}
    with pytest.raises(StackError, match=re.escape('"spec.jobTemplate.spec.template.sepc"')):
        dry_run(manifest({"every": "5s", "jobTemplate": template}), "--validate=strict")


def test_defaults_are_those_of_a_cronjob(dry_run: DryRun) -> None:
    minimal = {"schedule": "* * * * *"}
    cronjob = dry_run(manifest(minimal) | {"apiVersion": "batch/v1", "kind": "CronJob"})["spec"]
    timer = dry_run(manifest(minimal))["spec"]
    for field in ("concurrencyPolicy", "suspend", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        assert timer[field] == cronjob[field]


def test_a_policy_for_missed_runs_is_always_given_and_a_limit_only_by_users(dry_run: DryRun) -> None:
    timer = dry_run(manifest({"every": "1m", "missedRunPolicy": None}))["spec"]
    assert timer["missedRunPolicy"] == "Latest"
    assert not timer.keys() & {"missedRunLimit", "maxConsecutiveFailures", "ttlSecondsAfterComplete"}
    assert "missedRunLimit" not in dry_run(manifest({"every": "1m", "missedRunPolicy": "All"}))["spec"]


def test_a_cronjob_is_a_redistimer_once_apiversion_and_kind_are_changed(dry_run: DryRun) -> None:
    assert dry_run(yaml.safe_load(CRONJOB))["kind"] == "CronJob", (
        "the manifest must be a good CronJob to prove anything"
    )
    dry_run(as_redistimer(CRONJOB), "--validate=strict")


def test_fields_of_a_job_that_the_schema_does_not_name_are_kept(dry_run: DryRun) -> None:
    given = as_redistimer(CRONJOB)["spec"]["jobTemplate"]
    kept = dry_run(as_redistimer(CRONJOB))["spec"]["jobTemplate"]
    assert kept == given


def test_what_kubectl_generates_for_a_cronjob_is_accepted(stack: Stack, dry_run: DryRun) -> None:
    generated = stack.kubectl(
        *("create", "cronjob", "hello", "--image=busybox:1.37", "--schedule=*/5 * * * *"),
        *("--dry-run=client", "-o", "yaml", "--", "date"),
    )
    dry_run(as_redistimer(generated.stdout), "--validate=strict")


def test_fields_without_a_value_count_as_absent(dry_run: DryRun) -> None:
    """Chart templates and generators leave such fields behind, and a CronJob may have them."""
    pod = {"metadata": {"creationTimestamp": None, "labels": None}, **JOB_TEMPLATE["spec"]["template"]}
    job = {"metadata": {"creationTimestamp": None, "labels": None}, "spec": {"backoffLimit": None, "template": pod}}
    spec = {"every": "1m", "schedule": None, "timeZone": None, "startingDeadlineSeconds": None, "jobTemplate": job}
    dry_run(manifest(spec), "--validate=strict")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(stack: Stack, example: Path) -> None:
    stack.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(example))


def test_the_examples_show_every_kind_of_schedule() -> None:
    specs = [yaml.safe_load(example.read_text())["spec"] for example in EXAMPLES]
    assert {kind for spec in specs for kind in spec} >= {"schedule", "schedules", "at", "afterCreation", "every"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_job_of_an_example_is_one_the_api_server_would_create(dry_run: DryRun, example: Path) -> None:
    template = yaml.safe_load(example.read_text())["spec"]["jobTemplate"]
    dry_run({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}} | template, "--validate=strict")


def test_kubectl_explain_describes_every_field(stack: Stack) -> None:
    def undescribed(schema: dict[str, Any], path: str) -> Iterator[str]:
        for name, field in schema.get("properties", {}).items():
            if not field.get("description"):
                yield f"{path}.{name}"
            yield from undescribed(field, f"{path}.{name}")
            yield from undescribed(field.get("items", {}), f"{path}.{name}[]")

    [version] = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    assert [*undescribed(properties["spec"], "spec"), *undescribed(properties["status"], "status")] == []

    explained = " ".join(stack.kubectl("explain", "redistimer.spec").stdout.split())
    assert "every <string> Runs again and again, at this interval" in explained
    assert "See `kubectl explain cronjob.spec.jobTemplate` for all of them" in explained


def test_kubectl_explain_says_how_to_ask_for_a_run_by_hand(stack: Stack) -> None:
    explained = " ".join(stack.kubectl("explain", "redistimer").stdout.split())
    assert "`kubectl annotate redistimer NAME redistimer.dev/trigger=ID --overwrite`" in explained


def test_kubectl_get_shows_when_a_timer_ran_and_runs_next(stack: Stack, namespace: str) -> None:
    timer = manifest({"schedule": "0 9 * * *", "timeZone": "Europe/Berlin"}, name="daily")
    stack.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(timer))
    patching = ("patch", "-n", namespace, "rt", "daily", "--subresource=status", "--type=merge", "-o", "json")

    def shown(has: str, *flags: str) -> tuple[str, str]:
        """Headers, and the row that has this. A watch shows every version: a controller, if one is here, soon puts
        this status right."""
        command = ["kubectl", "get", "redistimers", "-n", namespace, "--watch", *flags]
        with subprocess.Popen(command, env=stack.environment(), stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout
            try:
                headers, *rows = next(watching.stdout), next(watching.stdout)
                patched = json.loads(stack.kubectl(*patching, "-p", json.dumps({"status": STATUS})).stdout)
                row = next(line for line in chain(rows, watching.stdout) if has in line)
            finally:
                watching.kill()
        assert patched["status"] == STATUS, "nothing of what the controller writes is dropped"
        return headers, row

    headers, row = shown(" 7 ")
    wide_headers, wide_row = shown(" 41 ", "-o", "wide")

    usual = ["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST", "SCHEDULE", "NEXT", "READY", "AGE"]
    assert headers.split() == usual
    assert wide_headers.split() == [*usual, "SUCCEEDED", "FAILED", "MISSED", "SKIPPED", "REASON"]
    for part in ("daily ", " 0 9 * * * ", " Europe/Berlin ", " false ", " 7 ", " 2999-11-01T08:00:00Z ", " True "):
        assert part in row
    assert wide_row.split()[-5:] == ["41", "3", "2", "5", "Scheduled"]


def test_the_schema_stays_small_enough_for_kubectl_apply() -> None:
    stored = json.dumps(yaml.safe_load(CRD.read_text()))
    assert len(stored) < LARGEST_CRD_BYTES
