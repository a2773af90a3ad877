"""The chart's admission policy on a real API server: who may have a timer run something, and what the others are told.

The product runs beside it under its own ServiceAccounts, and notices nothing.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.config import new_client_from_config

from controller.core.timer import GROUP, PLURAL, VERSION
from controller.core.timer import TRIGGER_ANNOTATION as TRIGGER
from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import CRD, NAMESPACE, HelmError, Object, Values, of_kind, one, render
from tests.deploy.policy_cases import (
    CHANGES,
    CREATIONS,
    ELSEWHERE,
    NO_JOBS,
    NO_NAMES,
    PEOPLE,
    ROBOT,
    TEAM,
    everybody,
    some_timers,
    timer,
)
from tests.integration.product import Product
from tests.integration.waiting import wait_until
from tests.integration.world import Cluster, connected

pytestmark = pytest.mark.timeout(1800)  # the first test may have to compile Helm and a control plane

ON: Values = {"admissionPolicy": {"enabled": True}}
NO_TIMERS = """\
apiVersion: v1
kind: ResourceQuota
metadata: {name: no-timers, namespace: elsewhere}
spec: {hard: {count/redistimers.redistimer.dev: "0"}}
"""
POLICY = "redistimer-who-may-run"
MERGE = "application/merge-patch+json"

People = Mapping[str, CustomObjectsApi]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A cluster that also says what is wrong with the expressions of policies, and soon sees what a quota is about."""
    flags = ["--controllers=validatingadmissionpolicy-status-controller", "--resource-quota-sync-period=2s"]
    with Stack(controller_manager_flags=flags) as running:
        yield running


@pytest.fixture(scope="module")
def people(stack: Stack) -> Iterator[People]:
    """What each of the people asks with."""
    with ExitStack() as clients:
        apis = {}
        for who in PEOPLE:
            client = clients.enter_context(new_client_from_config(str(stack.kubeconfig)))
            client.set_default_header("Impersonate-User", who)
            apis[who] = CustomObjectsApi(client)
        yield apis


@pytest.fixture(scope="module")
def policed(stack: Stack, one_helm: Path, people: People) -> Stack:
    """The cluster with the chart and its policy, people, and a few timers of an administrator."""
    for namespace in (NAMESPACE, TEAM, ELSEWHERE):
        stack.kubectl("create", "namespace", namespace)
    chart = [each for each in render(one_helm, ON) if each["kind"] != "Pod"]
    stack.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(chart))
    stack.wait_until_established(f"crd/{CRD}")
    stack.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(everybody()))
    stack.kubectl("create", "-f", "-", input=yaml.safe_dump_all(some_timers()))
    stack.apply(NO_TIMERS)
    # Neither policies nor roles are known to the API server as soon as they are stored.
    wait_until(lambda: created(people["writer"], {}), lambda said: "denied request" in said, "the policy is in force")
    wait_until(lambda: created(people["coder"], ROBOT), lambda said: not said, "roles are known")
    # Garbage collection takes its time with kinds that are new to it.
    stack.kubectl("delete", "rt", "unwanted", "-n", TEAM, "--as=writer", "--cascade=foreground", "--wait=false")
    return stack


@pytest.fixture(scope="module")
def product(policed: Stack) -> Iterator[tuple[Cluster, Product]]:
    """A controller and a worker, beside the policy."""
    with connected(policed) as cluster:
        product = Product(cluster)
        product.restore(controllers=1, workers=1)
        yield cluster, product


def answer(ask: Callable[..., object], **what: object) -> str:
    """What is said against a request that changes nothing, "" where nothing is."""
    try:
        ask(group=GROUP, version=VERSION, namespace=TEAM, plural=PLURAL, dry_run="All", **what)
    except ApiException as error:
        refusal = json.loads(error.body)
        return f"{refusal['reason']}: {refusal['message']}"
    return ""


def created(api: CustomObjectsApi, pod: Object) -> str:
    """What somebody is told who wants to create a timer."""
    return answer(api.create_namespaced_custom_object, body=timer("new", pod))


def patched(api: CustomObjectsApi, name: str, patch: Object) -> str:
    """The same of a change."""
    return answer(api.patch_namespaced_custom_object, name=name, body=patch, _content_type=MERGE)


def assert_told(said: str, message: str, who: str) -> None:
    """Whether nothing was said, or this, as the message of the policy."""
    if not message:
        assert said == ""
    else:
        assert said.startswith("Forbidden: ")
        assert f"ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: " in said
        assert message.format(who=who) in said


@pytest.mark.parametrize(("who", "pod", "message"), CREATIONS.values(), ids=CREATIONS.keys())
def test_a_timer_is_created_by_who_may_run_its_jobs(
    policed: Stack, people: People, who: str, pod: Object, message: str
) -> None:
    assert_told(created(people[who], pod), message, who)


@pytest.mark.parametrize(("who", "name", "patch", "message"), CHANGES.values(), ids=CHANGES.keys())
def test_what_runs_is_changed_by_who_may_run_it_and_all_else_by_who_may_change_it(
    policed: Stack, people: People, who: str, name: str, patch: Object, message: str
) -> None:
    assert_told(patched(people[who], name, patch), message, who)


@pytest.mark.parametrize(("name", "message"), NO_NAMES.values(), ids=NO_NAMES.keys())
def test_what_is_no_name_is_refused(policed: Stack, people: People, name: object, message: str) -> None:
    said = created(people["lender"], {"serviceAccountName": name})
    assert f"ValidatingAdmissionPolicy '{POLICY}'" in said
    assert message in said


def test_the_account_that_counts_is_the_one_that_pods_have(policed: Stack) -> None:
    asked = [(pod, message) for who, pod, message in CREATIONS.values() if who == "runner"]
    jobs = [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"any-{number}", "namespace": TEAM},
            "spec": timer("any", pod)["spec"]["jobTemplate"]["spec"],
        }
        for number, (pod, _) in enumerate(asked)
    ]
    path = 'jsonpath={.spec.template.spec.serviceAccountName}{"\\n"}'
    command = ["create", "--dry-run=server", "-f", "-", "-o", path]
    accounts = policed.kubectl(*command, input=yaml.safe_dump_all(jobs)).stdout.split("\n")[:-1]
    assert [account == "robot" for account in accounts] == [bool(message) for _, message in asked]


def test_status_belongs_to_others(policed: Stack, people: People) -> None:
    write, status = people["keeper"].patch_namespaced_custom_object_status, {"status": {"lastHandledTrigger": "one"}}
    assert answer(write, name="plain", body=status, _content_type=MERGE) == ""


def test_whoever_may_edit_may_impersonate_the_accounts_of_the_namespace(policed: Stack) -> None:
    """So rbac.aggregate.edit gives nobody more than they have, with the policy."""
    command = ["auth", "can-i", "impersonate", "serviceaccounts/robot", "-n", TEAM]
    assert policed.kubectl(*command, "--as=coder").stdout.strip() == "yes"
    assert policed.kubectl(*command, "--as=writer", check=False).stdout.strip() == "no"


def test_the_product_writes_status_starts_what_is_strict_and_deletes_what_is_over(
    policed: Stack, product: tuple[Cluster, Product]
) -> None:
    cluster, _ = product
    strict = timer("once", pod=ROBOT, afterCreation="1s", guarantee="Strict", ttlSecondsAfterComplete=0)
    uid = policed.kubectl(
        "create", "-f", "-", "--as=lender", "-o", "jsonpath={.metadata.uid}", input=json.dumps(strict)
    ).stdout
    policed.kubectl("wait", "--for=delete", "redistimer/once", "-n", TEAM, "--timeout=60s")
    (fired,) = cluster.recorder.fired(uid)
    assert fired.job.startswith("once-")


def test_a_run_by_hand_of_who_may_have_one_is_handled(policed: Stack, product: tuple[Cluster, Product]) -> None:
    policed.kubectl("annotate", "redistimer", "plain", "-n", TEAM, f"{TRIGGER}=now", "--as=runner")
    handled = "--for=jsonpath={.status.lastHandledTrigger}=now"
    policed.kubectl("wait", handled, "redistimer/plain", "-n", TEAM, "--timeout=60s")
    jobs = policed.kubectl("get", "jobs", "-n", TEAM, "-l", "redistimer.dev/timer=plain", "-o", "name").stdout
    assert len(jobs.split()) == 1


def test_the_api_server_finds_nothing_wrong_with_the_expressions(policed: Stack) -> None:
    def status() -> Object:
        read = policed.kubectl("get", "validatingadmissionpolicy", POLICY, "-o", "json").stdout
        found: Object = json.loads(read).get("status") or {}
        return found

    checked = wait_until(status, lambda seen: seen.get("observedGeneration") == 1, "the expressions are checked")
    assert checked["typeChecking"] == {}


def test_a_timer_that_waits_for_its_jobs_to_be_collected_is_deleted_by_who_may_run_nothing(policed: Stack) -> None:
    """Garbage collection removes its finalizer, and may not create Jobs either."""
    policed.kubectl("wait", "--for=delete", "redistimer/unwanted", "-n", TEAM, "--timeout=60s")


def test_a_quota_limits_how_many_timers_a_namespace_has(policed: Stack) -> None:
    one_more = timer("new")
    one_more["metadata"]["namespace"] = ELSEWHERE
    command, text = ["create", "--dry-run=server", "-f", "-"], json.dumps(one_more)
    wait_until(
        lambda: policed.kubectl(*command, input=text, check=False).stderr,
        lambda said: "exceeded quota: no-timers" in said,
        "the quota is known and exceeded",
    )


def test_the_docs_show_what_is_said() -> None:
    text = (CHECKOUT / "docs" / "security.md").read_text()
    assert f"ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: " in text
    assert NO_JOBS.format(who="alice") in text


def test_it_is_there_only_where_it_is_wanted_and_does_what_is_wanted(one_helm: Path) -> None:
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    assert not of_kind(render(one_helm), *kinds)
    for actions in (["Deny"], ["Warn", "Audit"]):
        values = {"admissionPolicy": {"enabled": True, "validationActions": actions}, "fullnameOverride": "timers"}
        objects = render(one_helm, values)
        binding = one(objects, "ValidatingAdmissionPolicyBinding", "timers-who-may-run")
        assert binding["spec"] == {"policyName": "timers-who-may-run", "validationActions": actions}
        assert one(objects, "ValidatingAdmissionPolicy", "timers-who-may-run")["spec"]["failurePolicy"] == "Fail"


@pytest.mark.parametrize("actions", [[], ["Maybe"], ["Deny", "Deny"], ["Deny", "Warn"]], ids=str)
def test_actions_that_cannot_be_are_refused_by_name(one_helm: Path, actions: list[str]) -> None:
    with pytest.raises(HelmError) as refused:
        render(one_helm, {"admissionPolicy": {"enabled": True, "validationActions": actions}})
    assert "admissionPolicy.validationActions" in str(refused.value).replace("/", ".")
