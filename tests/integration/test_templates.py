"""What is wrong with a template is known when it is applied."""

import yaml

from tests.cluster.stack import CHECKOUT
from tests.integration.together import side_by_side
from tests.integration.world import Timer, World, template


@side_by_side
def test_a_good_template_is_accepted(world: World) -> None:
    timer = world.create("timer", template(), every="1h")
    timer.wait_for_condition("TemplateValid", "True", "TemplateAccepted")
    assert timer.condition("Ready")["status"] == "True"
    assert timer.fired() == []
    assert timer.jobs() == []


@side_by_side
def test_a_field_with_a_typo_is_told_long_before_it_is_due_and_an_edit_mends_it(world: World) -> None:
    misspelt = template()
    misspelt["spec"]["template"]["spec"]["containers"][0]["comand"] = ["true"]
    timer = world.create("timer", misspelt, every="1h")
    condition = timer.wait_for_condition("Ready", "False", "InvalidTemplate")
    assert 'unknown field "spec.template.spec.containers[0].comand"' in condition["message"]
    timer.wait_for_condition("Stalled", "True", "InvalidTemplate")
    timer.wait_for_condition("TemplateValid", "False", "InvalidTemplate")
    assert timer.wait_for_event("InvalidTemplate")["type"] == "Warning"
    timer.edit(jobTemplate=template())
    timer.wait_for_condition("TemplateValid", "True", "TemplateAccepted")
    timer.wait_for_condition("Ready", "True", "Scheduled")
    assert timer.condition("Stalled") == {}


@side_by_side
def test_a_value_that_no_job_can_have_is_told_as_well(world: World) -> None:
    timer = world.create("timer", template(completionMode="Sometimes"), every="1h")
    condition = timer.wait_for_condition("TemplateValid", "False", "InvalidTemplate")
    assert "completionMode" in condition["message"]


@side_by_side
def test_that_a_quota_is_used_up_says_nothing_of_the_template(world: World) -> None:
    quota = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    world.add("ResourceQuota", "v1", quota)
    timer = world.create("timer", template(), every="1h")
    timer.wait_for_condition("TemplateValid", "Unknown", "TemplateNotChecked")
    assert timer.condition("Ready")["status"] == "True"


@side_by_side
def test_ready_and_complete_can_be_waited_for_with_kubectl(world: World) -> None:
    world.wait_for_pods_to_be_possible()
    timer = world.create("timer", template(), afterCreation="2s")
    kubectl = world.cluster.stack.kubectl
    for condition in ("Ready", "Complete"):
        arguments = ("wait", f"--for=condition={condition}", "rt/timer", "-n", world.namespace, "--timeout=60s")
        assert "condition met" in kubectl(*arguments).stdout
    assert len(timer.fired()) == 1


@side_by_side
def test_the_templates_of_all_examples_are_accepted(world: World) -> None:
    examples = [yaml.safe_load(file.read_text()) for file in (CHECKOUT / "deploy" / "examples").glob("*.yaml")]
    assert len(examples) >= 12
    for example in examples:
        timer = Timer(world, world.add("RedisTimer", "redistimer.dev/v1alpha1", example))
        timer.wait_for_condition("TemplateValid", "True", "TemplateAccepted")
