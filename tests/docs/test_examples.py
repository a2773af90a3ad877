"""Every example in the documents is tried: YAML is applied, built or rendered, commands are run, output is compared."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from controller.core.timer import KIND
from tests.cluster import Stack
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import render
from tests.docs.commands import SHELLS, commands_of
from tests.docs.examples import Example, Kind, Object, examples_in
from tests.docs.markdown import blocks_of, documents
from tests.docs.running import excuse_of, faults_of, lay_out, programs, run_block
from tests.docs.scenes import CRON_JOBS, TIMER, Scene, scene_of
from tests.integration.product import Product

pytestmark = pytest.mark.timeout(1800)  # the first test may have to compile Helm and a control plane

_READY_S = 60


def with_blocks(*languages: str) -> list[str]:
    """The documents with blocks of these languages."""
    return [doc for doc in documents() if any(block.language in languages for block in blocks_of(doc))]


@pytest.mark.parametrize("doc", with_blocks("yaml"))
def test_yaml_is_what_it_says_it_is(doc: str, stack: Stack, product: Product, helm: Path, tmp_path: Path) -> None:
    examples = list(examples_in(blocks_of(doc)))
    for example in examples:
        if example.kind is Kind.VALUES:
            (values,) = example.documents
            assert render(helm, values), example.block.where
        elif example.kind is Kind.KUSTOMIZATION:
            assert build(example, stack, tmp_path / str(example.block.line)), example.block.where
    objects = list(named_apart(example for example in examples if example.kind is Kind.MANIFESTS))
    if objects:
        create(objects, f"examples-{scene_of(doc).namespace}", stack)


def create(objects: list[Object], namespace: str, stack: Stack) -> None:
    """Create objects, wait until the timers among them are ready, and remove them."""
    for name in {namespace, *(obj["metadata"].get("namespace", namespace) for obj in objects)}:
        stack.kubectl("create", "namespace", name, check=False)
    try:
        for has_place in (False, True):
            some = [obj for obj in objects if ("namespace" in obj["metadata"]) is has_place]
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": some})
            place = [] if has_place else ["-n", namespace]
            apply = ["apply", "--server-side", "--validate=strict", "-f", "-", *place]
            if some:
                done = stack.kubectl(*apply, input=text, check=False)
                assert done.returncode == 0, done.stderr
                assert done.stdout.count("serverside-applied") == len(some)
        if any(obj["kind"] == KIND for obj in objects):
            timers = ["redistimers", "--all", "-n", namespace]
            ready = stack.kubectl("wait", "--for=condition=Ready", f"--timeout={_READY_S}s", *timers, check=False)
            assert ready.returncode == 0, f"{ready.stderr}\n{stack.kubectl('describe', *timers[::2]).stdout}"
    finally:
        stack.kubectl("delete", "redistimers", "--all", "-n", namespace, "--wait=false")
        stack.kubectl("delete", "namespace", namespace, "--wait=false")


def named_apart(examples: Iterable[Example]) -> Iterator[Object]:
    """The objects of examples; where two have one name, the second gets another."""
    taken = set()
    for example in examples:
        for obj in example.documents:
            metadata = dict(obj["metadata"])
            if (obj["kind"], metadata["name"]) in taken:
                metadata["name"] = f"{metadata['name']}-{example.block.line}"
            taken.add((obj["kind"], metadata["name"]))
            yield {**obj, "metadata": metadata}


def build(example: Example, stack: Stack, place: Path) -> str:
    """What Kustomize makes of a kustomization, beside a copy of `deploy` and with files of the names that it gives."""
    folder = place.resolve() / "mine"
    folder.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "deploy", folder.parent / "redistimer" / "deploy")
    (kustomization,) = example.documents
    (folder / "kustomization.yaml").write_text(example.block.text)
    for name in kustomization.get("resources", ()):
        if name.endswith(".yaml"):
            (folder / name).write_text(CRON_JOBS if "cron" in name else TIMER)
    for generator in kustomization.get("configMapGenerator", ()):
        for name in generator.get("files", ()):
            (folder / name).write_text("content\n")
    return stack.kubectl("kustomize", str(folder)).stdout


@pytest.mark.parametrize("doc", with_blocks(*SHELLS))
def test_commands_do_what_is_shown(doc: str, stack: Stack, product: Product, helm: Path, tmp_path: Path) -> None:
    scene = scene_of(doc)
    environ = set_up(scene, stack, helm, tmp_path)
    faults = []
    for block in blocks_of(doc):
        commands = commands_of(block)
        with stack.redis.client() as redis:
            for line in scene.redis:
                redis.execute_command(*line.split())
            for command in commands:
                if command.is_redis:
                    redis.execute_command(*command.text.split())
        to_run = [command for command in commands if not command.is_redis and excuse_of(command) is None]
        for ran in run_block(to_run, tmp_path / "work", environ, scene.words) if to_run else ():
            faults += [f"{block.where}: {fault}" for fault in faults_of(ran)]
    stack.kubectl("delete", "redistimers,cronjobs", "--all", "-n", scene.namespace, "--wait=false")
    assert not faults, "\n\n".join(faults)


def set_up(scene: Scene, stack: Stack, helm: Path, folder: Path) -> Mapping[str, str]:
    """Create what a document's commands need; the environment for them."""
    for name in (scene.namespace, *scene.namespaces):
        stack.kubectl("create", "namespace", name, check=False)
    if objects := scene.objects():
        stack.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    if scene.timers:
        # Commands tell what the controller has said of them.
        observed = "--for=jsonpath={.status.observedGeneration}=1"
        stack.kubectl("wait", observed, f"--timeout={_READY_S}s", "redistimers", "--all", "-n", scene.namespace)
    config = json.loads(stack.kubectl("config", "view", "--raw", "-o", "json").stdout)
    config["contexts"][0]["context"]["namespace"] = scene.namespace
    (folder / "kubeconfig").write_text(json.dumps(config))
    (folder / "work").mkdir()
    lay_out(folder / "work", scene.files)
    environ = stack.environment() | {"KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder)}
    environ["PATH"] = f"{programs(folder / 'bin')}:{environ['PATH']}"
    (folder / "bin" / "helm").symlink_to(helm)
    return environ
