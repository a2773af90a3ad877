"""Manifests as people write them, in YAML."""

from pathlib import Path

import pytest
import yaml

from controller.cli.documents import read_documents
from controller.cli.forecast.manifests import BadManifest, Manifest, OtherManifest, manifest_of
from controller.core.timer import SPEC_FIELDS

CRD = Path(__file__).parents[3] / "crds" / "redistimers.yaml"

TIMER = "kind: RedisTimer\nmetadata: {name: report}\nspec: {every: 1h}\n"
READ = Manifest(None, "report", None, {"every": "1h"})


def read(text: str) -> list[Manifest | BadManifest | OtherManifest]:
    return [manifest_of(document) for document in read_documents(text, "timers.yaml")]


def test_many_documents_are_read_and_empty_ones_are_nothing() -> None:
    assert read(f"---\n---\n{TIMER}---\n# nothing here\n---\n{TIMER}...\n") == [READ, READ]


def test_json_is_yaml() -> None:
    assert read('{"kind": "RedisTimer", "metadata": {"name": "report"}, "spec": {"every": "1h"}}') == [READ]


def test_json_objects_may_follow_each_other_and_have_characters_in_two_halves() -> None:
    smiling = '{"kind": "RedisTimer", "metadata": {"name": "report"}, "spec": {"every": "1h"}, "x": "\\ud83d\\ude00"}'
    assert read(f"{smiling}\n{smiling}") == [READ, READ]


def test_what_begins_like_json_may_be_yaml() -> None:
    assert read("{kind: RedisTimer, metadata: {name: report}, spec: {every: 1h}}") == [READ]


def test_an_equals_sign_alone_is_a_text() -> None:
    odd = "kind: ConfigMap\nmetadata: {name: odd}\nenum: [=, '!=']\n"
    assert read(f"{odd}---\n{TIMER}") == [OtherManifest("ConfigMap/odd"), READ]


@pytest.mark.parametrize("kind", ["List", "RedisTimerList"])
def test_a_list_is_its_items(kind: str) -> None:
    items = yaml.safe_dump({"kind": kind, "items": [yaml.safe_load(TIMER), yaml.safe_load(TIMER)]})
    assert read(items) == [READ, READ]


def test_items_of_a_list_of_timers_need_not_say_what_they_are() -> None:
    assert read("kind: RedisTimerList\nitems: [{metadata: {name: report}, spec: {every: 1h}}]") == [READ]


def test_an_instant_without_quotes_is_a_text_as_it_is_for_kubectl() -> None:
    (manifest,) = read("kind: RedisTimer\nmetadata: {name: a}\nspec: {at: 2027-01-01T00:00:00+01:00, x: 2027-01-01}\n")
    assert isinstance(manifest, Manifest)
    assert manifest.spec == {"at": "2027-01-01T00:00:00+01:00", "x": "2027-01-01"}


def test_a_time_of_creation_is_read() -> None:
    applied = TIMER.replace("name: report", "name: report, creationTimestamp: 2026-11-25T10:00:00Z")
    (manifest,) = read(applied)
    assert isinstance(manifest, Manifest)
    assert manifest.created_ms == 1_795_600_800_000
    assert read(TIMER.replace("name: report", "name: report, creationTimestamp: null")) == [READ]


def test_other_kinds_are_named() -> None:
    assert read("kind: ConfigMap\nmetadata: {name: settings}") == [OtherManifest("ConfigMap/settings")]
    assert read("a: b") == [OtherManifest("document without kind/")]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("just a text", "timers.yaml", "a document is a text: a manifest has apiVersion, kind, metadata and spec"),
        ("[]", "timers.yaml", "a document is a list: a manifest has"),
        ("kind: RedisTimer\nspec: {every: 1h}", "", "this RedisTimer has no metadata.name: give it one"),
        ("kind: CronJob\nmetadata: {name: a}", "a", "this CronJob has no spec"),
        ("kind: RedisTimer\nmetadata: {name: a}\nspec: text", "a", "this RedisTimer has no spec"),
        (TIMER.replace("every", "Every"), "report", "spec.Every is not a field of a RedisTimer: did you mean every?"),
        (TIMER.replace("every: 1h", "timezone: UTC"), "report", "did you mean timeZone?"),
        (TIMER.replace("every: 1h", "shedule: '* * * * *'"), "report", "did you mean schedule?"),
        (TIMER.replace("every: 1h", "every: 1h, suspend: 'true'"), "report", "spec.suspend 'true' is neither true nor"),
        (TIMER.replace("name: report", "name: report, creationTimestamp: soon"), "report", "'soon' is not an instant"),
    ],
)
def test_what_should_be_a_timer_and_is_not_says_why(text: str, name: str, words: str) -> None:
    (bad,) = read(text)
    assert isinstance(bad, BadManifest)
    assert bad.name == name
    assert words in bad.error


def test_a_mistake_in_the_yaml_is_located_and_the_other_documents_count() -> None:
    first, bad, last = read(f"{TIMER}---\nkind: RedisTimer\nspec: [\n--- # the last\n{TIMER}")
    assert first == last == READ
    assert isinstance(bad, BadManifest)
    assert bad.name == "timers.yaml"
    assert bad.error.startswith("not YAML in line 7: ")


def test_lists_are_not_followed_for_ever() -> None:
    (bad,) = read("&a\nkind: List\nitems: [*a]\n")
    assert bad == BadManifest("timers.yaml", "lists are nested more than 8 deep")


def test_a_field_that_no_timer_has_is_kept_in_mind() -> None:
    (manifest,) = read(TIMER.replace("every: 1h", "every: 1h, tz: Europe/Berlin"))
    assert isinstance(manifest, Manifest)
    assert manifest.unknown_fields == ("tz",)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("kind: RedisTimer\nspec:\n  schedule: @daily\n", 'what begins with @ needs quotes, as in schedule: "@daily"'),
        ("kind: RedisTimer\nspec:\n\tevery: 1h\n", "tabs are not accepted in front of a line: use spaces"),
        (
            "{{ if .Values.x }}\nkind: RedisTimer\n",
            "this looks like a template: render it first, as with helm template",
        ),
    ],
)
def test_the_usual_mistakes_in_yaml_have_a_hint(text: str, hint: str) -> None:
    (bad,) = read(text)
    assert isinstance(bad, BadManifest)
    assert bad.error.endswith(f"; {hint}")


def test_an_expression_without_quotes_is_explained() -> None:
    (bad,) = read("kind: RedisTimer\nmetadata: {name: a}\nspec:\n  schedule: * * * * *\n")
    assert isinstance(bad, BadManifest)
    assert bad.error.startswith("not YAML in line 4: ")
    assert bad.error.endswith('; what begins with * needs quotes, as in schedule: "* * * * *"')


def test_the_known_fields_are_those_of_the_schema() -> None:
    (version,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert set(SPEC_FIELDS) == set(schema)


def test_what_is_wrong_is_shown_as_in_a_manifest() -> None:
    (bad,) = read("kind: RedisTimer\nmetadata: {name: a}\nspec: {every: 1h, suspend: [null, true]}\n")
    assert bad == BadManifest("a", "spec.suspend [null, true] is neither true nor false: write it without quotes")
