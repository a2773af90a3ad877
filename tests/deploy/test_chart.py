"""The chart, rendered with all kinds of values, by Helm 3 and 4. No cluster is asked."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.settings import Settings
from tests.cluster.helm import MAJORS, find_helm
from tests.cluster.stack import CHECKOUT
from tests.deploy.chart import (
    CASES,
    CHART,
    CRD,
    LARGEST_RELEASE_BYTES,
    HelmError,
    Object,
    Values,
    load_all,
    of_kind,
    one,
    pod_templates,
    render,
    role_container,
    run_helm,
)
from tests.deploy.manifests import CRD_COPY, CRDS, INSTALL, install_manifest

pytestmark = pytest.mark.timeout(1800)  # the first test may have to compile Helm

VALUES: Object = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())
RBAC = CHECKOUT / "deploy" / "rbac.yaml"

RENDERED_OTHERWISE = {
    "redis_url",
    "redis_username",
    "redis_username_file",
    "redis_password_file",
    "redis_sentinel_password_file",
    "redis_ca_file",
    "redis_cert_file",
    "redis_key_file",
    "installation",
    "namespaces",
    "http_host",
    "http_port",
    "namespace",
    # A Pod has a ServiceAccount instead, and a name that is unique.
    "kubeconfig",
    "identity",
}

BAD: dict[str, tuple[Values, str]] = {
    "a value that there is not": ({"worker": {"replica": 3}}, "replica"),
    "one at the top": ({"workers": 3}, "workers"),
    "a word in the place of a number": ({"worker": {"replicas": "three"}}, "worker.replicas"),
    "a lease too short": ({"worker": {"settings": {"leaseSeconds": 1}}}, "worker.settings.leaseSeconds"),
    "a setting of the other role": ({"controller": {"settings": {"leaseSeconds": 10}}}, "leaseSeconds"),
    "an unknown level of logs": ({"settings": {"logLevel": "trace"}}, "settings.logLevel"),
    "an installation that is no name": ({"installation": "Blue"}, "installation"),
    "a namespace that is none": ({"namespaces": ["Team"]}, "namespaces"),
    "a namespace named twice": ({"namespaces": ["team", "team"]}, "namespaces"),
    "namespaces that are no list": ({"namespaces": "team-a,team-b"}, "namespaces"),
    "a URL with a password": ({"redis": {"external": {"url": "redis://:secret@redis:6379"}}}, "redis.external.url"),
    "a URL of something else": ({"redis": {"external": {"url": "http://redis:6379"}}}, "redis.external.url"),
    "a digest that is none": ({"image": {"digest": "sha256:123"}}, "image.digest"),
    "root": ({"podSecurity": {"runAsUser": 0}}, "podSecurity.runAsUser"),
    "two Redis": ({"redis": {"external": {"url": "redis://redis:6379"}}}, "redis.bundled.enabled"),
    "no Redis": ({"redis": {"bundled": {"enabled": False}}}, "redis.external.url"),
    "TLS files without TLS": (
        {
            "redis": {
                "bundled": {"enabled": False},
                "external": {"url": "redis://a"},
                "tls": {"caSecret": {"name": "a"}},
            }
        },
        "redis.tls",
    ),
    "a Sentinel's password without Sentinels": (
        {"redis": {"auth": {"sentinelPasswordSecret": {"name": "a"}}}},
        "redis.auth.sentinelPasswordSecret",
    ),
    "a user that the bundled Redis has not": ({"redis": {"auth": {"username": "timer"}}}, "redis.auth.username"),
    "a user in a Secret that the bundled Redis has not": (
        {"worker": {"redisAuth": {"usernameSecret": {"name": "login"}}}},
        "usernameSecret",
    ),
    "a lease shorter than the preparation": (
        {"worker": {"settings": {"aheadSeconds": 12}}},
        "worker.settings.aheadSeconds",
    ),
}


@pytest.fixture(scope="module", params=CASES)
def objects(helm: Path, request: pytest.FixtureRequest) -> list[Object]:
    """What is rendered from one set of values."""
    return render(helm, CASES[request.param])


@pytest.fixture(scope="module")
def plain(helm: Path) -> list[Object]:
    """What is rendered without any value."""
    return render(helm)


def test_every_helm_renders_the_same() -> None:
    first, *others = [[render(find_helm(major), values) for values in CASES.values()] for major in MAJORS]
    assert all(other == first for other in others)


def test_lint_finds_nothing(helm: Path) -> None:
    for values in CASES.values():
        run_helm(helm, ["lint", "--strict", CHART], values)


@pytest.mark.parametrize(("values", "name"), BAD.values(), ids=BAD.keys())
def test_values_that_cannot_be_are_refused_by_name(helm: Path, values: Values, name: str) -> None:
    with pytest.raises(HelmError) as refused:
        render(helm, values)
    # The validator writes /worker/replicas.
    assert name in str(refused.value).replace("/", ".")


def test_every_object_says_what_it_belongs_to(objects: list[Object]) -> None:
    policy = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", *policy}
    for each in objects:
        assert ("namespace" in each["metadata"]) == (each["kind"] not in cluster_wide), each["metadata"]
        if each["metadata"]["name"] != CRD:
            assert each["metadata"]["labels"].items() >= {"app.kubernetes.io/instance": "redistimer"}.items()


def test_no_pod_may_more_than_it_needs(objects: list[Object]) -> None:
    for pod in pod_templates(objects):
        spec, name = pod["spec"], pod["metadata"]["name"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"].get("runAsUser") != 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        # The API server is asked by these two alone.
        assert spec["automountServiceAccountToken"] is name.endswith(("-controller", "-worker")), name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"], name
            assert container["resources"]["limits"]["memory"], name
    assert all(each["automountServiceAccountToken"] is False for each in of_kind(objects, "ServiceAccount"))


def test_what_is_mounted_is_what_is_named(objects: list[Object]) -> None:
    for pod in pod_templates(objects):
        for container in pod["spec"]["containers"]:
            mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", ())}
            volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
            files = {
                f"{mounts[name]}/{item['path']}"
                for name, volume in volumes.items()
                for item in volume.get("secret", {}).get("items", ())
            }
            named = {variable["value"] for variable in container.get("env", ()) if variable["name"].endswith("_FILE")}
            assert named == files


def test_pods_are_found_by_what_selects_them(objects: list[Object]) -> None:
    pods = [pod["metadata"] for pod in pod_templates(objects)]
    for each in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet"):
        spec = each["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        labels = selector.get("matchLabels", selector)
        found = [pod["name"] for pod in pods if labels.items() <= pod["labels"].items()]
        assert found == [each["metadata"]["name"]]


def test_numbers_reach_the_product_as_they_were_written(helm: Path) -> None:
    objects = render(helm, CASES["everything about Pods"])
    found = {role: _environment(role_container(objects, role)) for role in ("controller", "worker")}
    assert found["worker"]["REDISTIMER_PREPARED_LIMIT"] == "100000"
    assert found["worker"]["REDISTIMER_API_TIMEOUT_SECONDS"] == "2.5"
    assert found["worker"]["REDISTIMER_USE_PROXY"] == "true"
    assert found["worker"]["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert found["controller"]["REDISTIMER_REBUILD_SECONDS"] == "86400"
    worker = one(objects, "Deployment", "redistimer-worker")["spec"]["template"]["spec"]
    assert worker["terminationGracePeriodSeconds"] == 130


def test_an_installation_has_a_lease_of_its_own(helm: Path) -> None:
    for values, lease in (({}, "redistimer-controller"), ({"installation": "blue"}, "redistimer-controller-blue")):
        role = one(render(helm, values), "Role", "redistimer-controller")
        assert [rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule] == [[lease]]


def test_the_accounts_of_the_chart_have_the_rights_of_the_plain_manifest(plain: list[Object]) -> None:
    expected = list(yaml.safe_load_all(RBAC.read_text()))
    kinds = ("ServiceAccount", "ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")
    rendered = [each for each in of_kind(plain, *kinds) if not _for_people(each)]
    assert sorted(map(_rights, rendered)) == sorted(map(_rights, of_kind(expected, *kinds)))


def test_for_some_namespaces_the_same_rights_are_granted_there_and_none_on_the_cluster(
    helm: Path, plain: list[Object]
) -> None:
    objects = render(helm, CASES["some namespaces, installed by who has no rights on the cluster"])
    assert not of_kind(objects, "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition")
    for role in ("controller", "worker"):
        name = f"redistimer-{role}-timers"
        everywhere = [
            rule
            for rule in one(plain, "ClusterRole", f"redistimer-{role}")["rules"]
            if rule["resources"] != ["namespaces"]
        ]
        for kind, key, expected in (("Role", "rules", everywhere), ("RoleBinding", "roleRef", None)):
            found = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
            assert [each["metadata"]["namespace"] for each in found] == ["team-a", "team-b"]
            for each in found:
                reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
                assert each[key] == (expected or reference)
                account = {"kind": "ServiceAccount", "name": f"redistimer-{role}", "namespace": "redistimer-system"}
                assert each.get("subjects", [account]) == [account]
        assert _environment(role_container(objects, role))["REDISTIMER_NAMESPACES"] == "team-a,team-b"
        assert "REDISTIMER_NAMESPACES" not in _environment(role_container(plain, role))
    home = one(objects, "Role", "redistimer-controller")
    rule = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["redistimer-system"], "verbs": ["get"]}
    assert home["rules"] == [*one(plain, "Role", "redistimer-controller")["rules"], rule]


def test_the_namespace_of_the_release_can_be_one_of_those_that_are_served(helm: Path) -> None:
    objects = render(helm, {"namespaces": ["redistimer-system", "team-a"], "rbac": {"people": False}})
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects]
    assert len(set(names)) == len(names)


def test_whoever_a_role_is_for_redis_wins_over_whoever_both_are(helm: Path) -> None:
    def users(**redis_auth: Any) -> list[str | None]:
        values = {
            "redis": {
                "bundled": {"enabled": False},
                "external": {"url": "redis://redis:6379"},
                "auth": redis_auth.pop("both"),
            },
            "worker": {"redisAuth": redis_auth.pop("worker", {})},
        }
        objects = render(helm, values)
        found = [_environment(role_container(objects, role)) for role in ("controller", "worker")]
        for each in found:
            assert len({"REDISTIMER_REDIS_USERNAME", "REDISTIMER_REDIS_USERNAME_FILE"} & each.keys()) < 2
        names = ("REDISTIMER_REDIS_USERNAME", "REDISTIMER_REDIS_USERNAME_FILE")
        return [next((each[name] for name in names if name in each), None) for each in found]

    file = "/etc/redistimer/redis-username/username"
    secret = {"usernameSecret": {"name": "login"}}
    assert users(both={}) == [None, None]
    assert users(both={"username": "timer"}) == ["timer", "timer"]
    assert users(both=secret) == [file, file]
    assert users(both={"username": "timer", **secret}) == [file, file]
    assert users(both=secret, worker={"username": "worker"}) == [file, "worker"]
    assert users(both={"username": "timer"}, worker=secret) == ["timer", file]


def test_people_get_rights_through_the_usual_roles_only_where_that_is_chosen(helm: Path, plain: list[Object]) -> None:
    def aggregated(objects: list[Object]) -> dict[str, set[str]]:
        prefix = "rbac.authorization.k8s.io/aggregate-to-"
        return {
            each["metadata"]["name"]: {
                key.removeprefix(prefix) for key in each["metadata"]["labels"] if key.startswith(prefix)
            }
            for each in of_kind(objects, "ClusterRole")
            if _for_people(each)
        }

    assert aggregated(plain) == {"redistimer-viewer": {"view"}, "redistimer-editor": set()}
    chosen = render(helm, CASES["few rights for people, none for strangers"])
    assert aggregated(chosen) == {"redistimer-viewer": set(), "redistimer-editor": {"edit", "admin"}}


def test_the_crd_is_that_of_the_project_and_stays_unless_told_otherwise(helm: Path, plain: list[Object]) -> None:
    source = yaml.safe_load(CRDS.read_text())
    kept = one(plain, "CustomResourceDefinition", CRD)
    assert one(render(helm, {"crds": {"keep": False}}), "CustomResourceDefinition", CRD) == source
    annotations = {"helm.sh/resource-policy": "keep"}
    assert kept == {**source, "metadata": {**source["metadata"], "annotations": annotations}}
    assert not of_kind(render(helm, {"crds": {"install": False}}), "CustomResourceDefinition")


def test_the_copy_of_the_crd_is_up_to_date() -> None:
    assert CRD_COPY.read_bytes() == CRDS.read_bytes(), "run: python -m tests.deploy"


def test_the_plain_manifest_is_up_to_date(helm: Path) -> None:
    assert INSTALL.read_text() == install_manifest(helm), "run: python -m tests.deploy"


def test_a_package_has_all_that_the_folder_has(helm: Path, tmp_path: Path, plain: list[Object]) -> None:
    run_helm(helm, ["package", CHART, "--destination", tmp_path])
    (package,) = tmp_path.glob("*.tgz")
    text = run_helm(helm, ["template", "redistimer", package, "--namespace", "redistimer-system"])
    assert load_all(text) == plain
    # A release holds chart and manifest, compressed and in base64.
    assert package.stat().st_size * 4 < LARGEST_RELEASE_BYTES


def test_every_value_is_documented_and_known_to_the_schema() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    leaves = [number for number, line in enumerate(lines) if re.match(r"\s*\w+: *[^ {]|\s*\w+: \{|\w+:$", line)]
    for number in leaves:
        is_group = lines[number].endswith(":") and not lines[number + 1].lstrip().startswith("- ")
        assert is_group or lines[number - 1].lstrip().startswith("#"), f"values.yaml:{number + 1}: {lines[number]}"
    assert sorted(_paths(VALUES)) == sorted(_schema_paths(SCHEMA))


def test_the_schema_accepts_no_value_that_it_does_not_know() -> None:
    for path, node in _objects_of(SCHEMA, ""):
        if "properties" in node:
            assert node.get("additionalProperties") is False, path


def test_settings_are_those_of_the_product_with_its_defaults_and_bounds() -> None:
    fields = Settings.model_json_schema(by_alias=False)["properties"]
    rendered: dict[str, tuple[object, Object]] = {}
    for values, schema in (
        (VALUES["settings"], SCHEMA["properties"]["settings"]),
        (VALUES["controller"]["settings"], SCHEMA["properties"]["controller"]["properties"]["settings"]),
        (VALUES["worker"]["settings"], SCHEMA["properties"]["worker"]["properties"]["settings"]),
    ):
        for name, value in values.items():
            rendered[re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)] = value, schema["properties"][name]
    assert rendered.keys() | RENDERED_OTHERWISE == fields.keys()
    assert not rendered.keys() & RENDERED_OTHERWISE
    for name, (default, schema) in rendered.items():
        facts = ("minimum", "maximum", "enum")
        assert {key: schema[key] for key in facts if key in schema} == {
            key: fields[name][key] for key in facts if key in fields[name]
        }, name
        # Whatever collects the logs of a cluster reads JSON.
        assert default == ("json" if name == "log_format" else fields[name]["default"]), name


def test_the_values_in_the_docs_are_values(helm: Path) -> None:
    text = (CHECKOUT / "docs" / "install.md").read_text()
    blocks = re.findall(r"^```yaml\n(# values.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        assert render(helm, yaml.safe_load(block)), block


def test_the_versions_of_chart_and_product_agree() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r'^version = "(.+)"$', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert chart["appVersion"] == version[1]


def _environment(container: Object) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}


def _for_people(each: Object) -> bool:
    return str(each["metadata"]["name"]).endswith(("-viewer", "-editor"))


def _rights(each: Object) -> str:
    place = {key: each["metadata"].get(key) for key in ("name", "namespace")}
    return json.dumps(
        [each["kind"], place, *(each.get(key) for key in ("rules", "roleRef", "subjects"))], sort_keys=True
    )


def _paths(node: Object, above: str = "") -> Iterator[str]:
    """Values that are no group of values, where a group is what the schema has properties for."""
    for name, value in node.items():
        path = f"{above}.{name}"
        is_group = isinstance(value, dict) and _named(path).get("properties") and "affinity" not in path
        yield from _paths(value, path) if is_group and name != "resources" else [path]


def _schema_paths(node: Object, above: str = "") -> Iterator[str]:
    for name, value in node["properties"].items():
        path, resolved = f"{above}.{name}", _resolved(value)
        is_group = "properties" in resolved and name not in ("affinity", "resources")
        yield from _schema_paths(resolved, path) if is_group else [path]


def _named(path: str) -> Object:
    node = SCHEMA
    for name in path.split(".")[1:]:
        node = _resolved(node.get("properties", {}).get(name, {}))
    return node


def _resolved(node: Object) -> Object:
    reference = node.get("$ref")
    return dict(SCHEMA["definitions"][reference.rpartition("/")[2]]) if reference else node


def _objects_of(node: Any, path: str) -> Iterator[tuple[str, Object]]:
    if isinstance(node, dict):
        yield path, node
        for name, value in node.items():
            yield from _objects_of(value, f"{path}/{name}")
