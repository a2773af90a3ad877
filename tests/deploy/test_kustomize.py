"""The Kustomize base, and the component for kustomizations that have RedisTimers. No cluster is asked."""

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.cluster.binaries import find_programs
from tests.cluster.kubectl import run_kubectl
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import Object, load_all, one
from tests.deploy.manifests import INSTALL

pytestmark = pytest.mark.timeout(1800)  # kubectl is compiled with the control plane

DEPLOY = CHECKOUT / "deploy"

TIMER = """\
apiVersion: redistimer.dev/v1alpha1
kind: RedisTimer
metadata: {name: report}
spec:
  schedule: "0 6 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          serviceAccountName: reporter
          imagePullSecrets: [{name: login}]
          initContainers:
            - {name: init, image: busybox:1.37, envFrom: [{configMapRef: {name: script}}, {secretRef: {name: login}}]}
          containers:
            - name: report
              image: busybox:1.37
              envFrom: [{configMapRef: {name: script}}, {secretRef: {name: login}}]
              env:
                - {name: A, valueFrom: {configMapKeyRef: {name: script, key: a}}}
                - {name: B, valueFrom: {secretKeyRef: {name: login, key: a}}}
          volumes:
            - {name: script, configMap: {name: script}}
            - {name: login, secret: {secretName: login}}
            - {name: both, projected: {sources: [{configMap: {name: script}}, {secret: {name: login}}]}}
            - {name: data, persistentVolumeClaim: {claimName: data}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reporter}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


def build(folder: Path) -> list[Object]:
    """What `kubectl kustomize` makes of a folder."""
    return load_all(run_kubectl(find_programs()["kubectl"], ["kustomize", str(folder)]).stdout)


def write_kustomization(folder: Path, **content: object) -> None:
    """Make a folder a kustomization."""
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))


@pytest.fixture(scope="module")
def timer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Object, dict[str, str]]:
    """A RedisTimer out of a kustomization that renames everything, and the new names by kind."""
    folder = tmp_path_factory.mktemp("timers").resolve()
    (folder / "timer.yaml").write_text(TIMER)
    write_kustomization(
        folder,
        nameSuffix="-blue",
        resources=["timer.yaml"],
        components=[os.path.relpath(DEPLOY / "kustomize" / "timers", folder)],
        configMapGenerator=[{"name": "script", "literals": ["a=b"]}],
        secretGenerator=[{"name": "login", "literals": ["a=b"]}],
        images=[{"name": "busybox", "newTag": "1.38"}],
    )
    objects = build(folder)
    return one(objects, "RedisTimer", "report-blue"), {each["kind"]: each["metadata"]["name"] for each in objects}


def test_a_timer_follows_the_names_that_kustomize_makes(timer: tuple[Object, dict[str, str]]) -> None:
    the_timer, names = timer
    pod = the_timer["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    config_map, secret = names["ConfigMap"], names["Secret"]
    assert config_map.startswith("script-blue-")
    assert secret.startswith("login-blue-")
    assert pod["serviceAccountName"] == "reporter-blue"
    assert pod["imagePullSecrets"] == [{"name": secret}]
    for container in pod["initContainers"] + pod["containers"]:
        assert container["envFrom"] == [{"configMapRef": {"name": config_map}}, {"secretRef": {"name": secret}}]
        assert container["image"] == "busybox:1.38"
    by_key, by_secret = [variable["valueFrom"] for variable in pod["containers"][0]["env"]]
    assert by_key["configMapKeyRef"]["name"] == config_map
    assert by_secret["secretKeyRef"]["name"] == secret
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["script"]["configMap"]["name"] == config_map
    assert volumes["login"]["secret"]["secretName"] == secret
    first, second = volumes["both"]["projected"]["sources"]
    assert (first["configMap"]["name"], second["secret"]["name"]) == (config_map, secret)
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == "data-blue"


def test_the_base_is_the_plain_manifest() -> None:
    def named(objects: list[Object]) -> dict[tuple[str, str, str], Object]:
        return {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in objects
        }

    assert named(build(DEPLOY)) == named(load_all(INSTALL.read_text()))


def test_an_overlay_of_the_base_changes_namespace_image_and_numbers(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    write_kustomization(
        folder,
        namespace="timers",
        resources=[os.path.relpath(DEPLOY, folder)],
        images=[{"name": "redistimer", "newName": "registry.example.com/redistimer", "newTag": "0.1.0"}],
        replicas=[{"name": "redistimer-worker", "count": 7}],
    )
    objects = build(folder)
    worker = one(objects, "Deployment", "redistimer-worker")
    assert worker["metadata"]["namespace"] == "timers"
    assert worker["spec"]["replicas"] == 7
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/redistimer:0.1.0"
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        for binding in [each for each in objects if each["kind"] == kind]:
            assert [subject["namespace"] for subject in binding["subjects"]] == ["timers"]


def test_the_kustomizations_in_the_docs_can_be_built(tmp_path: Path) -> None:
    text = (CHECKOUT / "docs" / "install.md").read_text()
    blocks = re.findall(r"^```yaml\n([^`]*?^kind: Kustomization$.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    shutil.copytree(DEPLOY, tmp_path / "redistimer" / "deploy")
    for number, block in enumerate(blocks):
        folder = tmp_path / f"mine-{number}"
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(block)
        (folder / "timer.yaml").write_text(TIMER)
        (folder / "report.sh").write_text("echo report")
        assert build(folder)
