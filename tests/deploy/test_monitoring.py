"""Alerts, runbooks and the dashboard, held against the metrics that there are and against what can happen."""

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest

from controller.core.reasons import CREATE_PROBLEMS, Reason
from tests.cluster.stack import CHECKOUT
from tests.deploy import monitoring_scenarios, monitoring_timer_scenarios
from tests.deploy.chart import CHART, HelmError, Object, of_kind, one, render
from tests.deploy.monitoring_alerts import Alert, read_alerts
from tests.deploy.monitoring_expressions import labels_left, metrics_in, problems_of, selectors_in
from tests.deploy.monitoring_installation import MINUTES, Installation, Scenario
from tests.deploy.monitoring_metrics import known_metrics
from tests.deploy.monitoring_promql import Database, evaluate

ALERTS = read_alerts()
SCENARIOS = [*monitoring_scenarios.SCENARIOS, *monitoring_timer_scenarios.SCENARIOS]
RUNBOOKS = (CHECKOUT / "docs" / "runbooks.md").read_text()
DASHBOARD_FILE = CHART / "files" / "dashboard.json"
DASHBOARD: Object = json.loads(DASHBOARD_FILE.read_text())
PANELS: list[Object] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

of_alert = pytest.mark.parametrize("alert", ALERTS, ids=[alert.name for alert in ALERTS])
of_panel = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


@of_alert
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(alert: Alert) -> None:
    assert re.fullmatch(r"RedisTimer[A-Z]\w+", alert.name)
    assert alert.labels in ({"severity": "critical"}, {"severity": "warning"})
    assert alert.annotations.keys() == {"summary", "description", "runbook_url"}
    assert alert.annotations["runbook_url"] == f"docs/runbooks.md#{alert.name.lower()}"
    assert all(text.endswith(".") for text in (alert.annotations["summary"], alert.annotations["description"]))
    assert alert.keys <= {"alert", "expr", "for", "labels", "annotations"}


@of_alert
def test_an_alert_asks_for_what_there_is(alert: Alert) -> None:
    assert problems_of(alert.expression) == []
    assert metrics_in(alert.expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("sum(redistimer_leader", "unclosed left parenthesis"),
        ("rate(redistimer_leader)", "expected type matrix in call to function 'rate', got vector"),
        ("redistimer_leaders", "there is no metric redistimer_leaders"),
        ("rate(redistimer_fires[5m])", "there is no metric redistimer_fires"),
        ('redistimer_fires_total{reason="created"}', "redistimer_fires_total has no label reason"),
        ('redistimer_fires_total{result=~"created|lsot"}', "result of redistimer_fires_total is never lsot"),
        ('redistimer_api_requests_total{status!~"2..|6.."}', "status of redistimer_api_requests_total is never 6.."),
        ('kube_redistimer_status_condition{type="Raedy"}', "type of kube_redistimer_status_condition is never Raedy"),
        ("sum by (verdict) (redistimer_fires_total)", "nothing in .* has a label verdict"),
        ("redistimer_leader and on (shard) redistimer_index_valid", "nothing in .* has a label shard"),
    ],
)
def test_what_there_is_not_is_found(expression: str, problem: str) -> None:
    (found,) = problems_of(expression)
    assert re.fullmatch(problem.replace("(", r"\("), found)


def test_names_of_alerts_are_unique_and_the_file_is_ordered_by_what_they_need() -> None:
    assert [name for name, count in Counter(alert.name for alert in ALERTS).items() if count > 1] == []
    for alert in ALERTS:
        about_timers = any(one.startswith("kube_") for one in metrics_in(alert.expression))
        assert about_timers == (alert.group == "redistimer-timers") == alert.name.startswith("RedisTimerTimer")


def test_every_reason_for_which_a_job_is_refused_raises_an_alert_but_the_end_of_a_namespace() -> None:
    (alert,) = (alert for alert in ALERTS if alert.name == "RedisTimerJobsRefused")
    (selector,) = selectors_in(promql.parse(alert.expression))
    (matcher,) = selector.matchers.matchers
    assert set(matcher.value.split("|")) == CREATE_PROBLEMS - {Reason.NAMESPACE_TERMINATING}


def test_nothing_fires_while_all_is_well() -> None:
    data = Installation().data
    assert [alert.name for alert in ALERTS if alert.fires(data, MINUTES)] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[f"{one.alert}-{one.happens.__name__}" for one in SCENARIOS])
def test_an_alert_fires_when_it_should_and_only_then(scenario: Scenario) -> None:
    (alert,) = (alert for alert in ALERTS if alert.name == scenario.alert)
    it = Installation()
    scenario.happens(it)
    fired = alert.fires(it.data, MINUTES)
    assert bool(fired) == scenario.fires
    # A label that the result does not have is an empty word in the message.
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(alert.annotations.values())))
    assert all(named <= dict(labels).keys() for labels in fired)


def test_each_alert_is_tried_both_ways() -> None:
    for fires in (True, False):
        assert {one.alert for one in SCENARIOS if one.fires is fires} == {alert.name for alert in ALERTS}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a", {"x": 1, "y": 3}),
        ('a{i=~"x|z"}', {"x": 1}),
        ('a{i!="x"} * 2', {"y": 6}),
        ("a > 1", {"y": 3}),
        ("6 - a", {"x": 5, "y": 3}),
        ("a / b", {"x": 0.5}),
        ("a and b", {"x": 1}),
        ("a unless b", {"y": 3}),
        ("b or a", {"x": 2, "y": 3, "z": 2}),
        ("a and on () b", {"x": 1, "y": 3}),
        ("sum(a)", {"": 4}),
        ("max(unknown)", {"": 1}),
        ("group by (i) (a)", {"x": 1, "y": 1}),
        ("absent(a)", {}),
        ('absent(a{i="z"})', {"z": 1}),
        ("increase(restarted[5m])", {"x": 4}),
        ("rate(restarted[5m]) * 300", {"x": 4}),
        ("changes(restarted[5m])", {"x": 5}),
        ("increase(gone[5m])", {}),
        ("histogram_quantile(0.5, h)", {"x": 3}),
        ("histogram_quantile(0.99, h)", {"x": 5}),
        ("time()", 600.0),
    ],
)
def test_expressions_are_worked_out_as_by_prometheus(expression: str, value: Any) -> None:
    data = Database()
    constants = {"a": {"x": 1.0, "y": 3.0}, "b": {"x": 2.0, "z": 2.0}, "unknown": {"x": math.nan, "y": 1.0}}
    for name, series in constants.items():
        for label, constant in series.items():
            data.add(name, constant, i=label)
    # One more each minute, and begun anew in the eighth.
    data.add("restarted", lambda minute: minute // 1 + (100 if minute < 8 else -8), i="x")
    data.add("gone", lambda minute: 1 if minute == 6 else None, i="x")
    for edge, count in {"1": 2, "5": 10, "+Inf": 12}.items():
        data.add("h", count, i="x", le=edge)
    found = evaluate(promql.parse(expression), data, 600.0)
    assert (found if isinstance(found, float) else {dict(key).get("i", ""): one for key, one in found.items()}) == value


@pytest.mark.parametrize(
    "expression", ["a offset 5m", "a == bool 1", "avg(a)", "a * on (i) group_left () b", "a[5m:1m]"]
)
def test_an_expression_that_is_not_understood_is_not_guessed(expression: str) -> None:
    data = Database()
    data.add("a", 1)
    with pytest.raises(NotImplementedError):
        evaluate(promql.parse(expression), data, 0)


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE) == [alert.name for alert in ALERTS]
    named = set(re.findall(r"RedisTimer[A-Z]\w+", RUNBOOKS)) | set(re.findall(r"\(#(redistimer\w+)\)", RUNBOOKS))
    assert {name.lower() for name in named} == {alert.name.lower() for alert in ALERTS}


@of_alert
def test_a_runbook_says_what_it_means_what_users_see_what_to_check_and_what_to_do(alert: Alert) -> None:
    section = RUNBOOKS.partition(f"## {alert.name}\n")[2].partition("\n## ")[0]
    parts = re.findall(r"^\*\*([\w ]+)\.\*\*", section, re.MULTILINE)
    assert parts == ["Means", "Users see", "Check", "Do"]


def test_panels_have_places_of_their_own_and_ids_of_their_own() -> None:
    everything = DASHBOARD["panels"]
    assert [ident for ident, count in Counter(panel["id"] for panel in everything).items() if count > 1] == []
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies upon another panel"
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    # Without holes, too.
    assert len(taken) == 24 * (1 + max(y for _, y in taken))


@of_panel
def test_a_panel_explains_itself_and_has_a_unit(panel: Object) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in {"none", "short", "s", "ops", "reqps"}
    asked = [target["expr"] for target in panel["targets"]]
    seconds = any("_seconds" in text and "_count" not in text and "increase(" not in text for text in asked)
    assert seconds == (panel["fieldConfig"]["defaults"]["unit"] == "s") or panel["type"] == "heatmap"
    if panel["type"] == "heatmap":
        assert panel["options"]["yAxis"]["unit"] == "s"
        assert {target["format"] for target in panel["targets"]} == {"heatmap"}


@of_panel
def test_a_panel_asks_for_what_there_is_of_what_was_chosen(panel: Object) -> None:
    assert panel["datasource"] == SOURCE
    assert [target["refId"] for target in panel["targets"]] == list("ABC"[: len(panel["targets"])])
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        text = _filled(target["expr"])
        assert problems_of(text) == []
        parsed = promql.parse(text)
        for selector in selectors_in(parsed):
            chosen = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
            assert chosen.items() >= {"cluster": "chosen cluster", "namespace": "chosen namespace"}.items(), selector
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in labels_left(parsed), target["legendFormat"]


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for panel in PANELS for target in panel["targets"] for name in metrics_in(_filled(target["expr"]))}
    assert {metric.name for metric in known_metrics()} - shown == set()


def test_the_dashboard_belongs_to_no_particular_grafana() -> None:
    assert "id" not in DASHBOARD
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "cluster", "namespace"]
    assert variables["datasource"]["query"] == "prometheus"
    text = DASHBOARD_FILE.read_text()
    assert set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval", "__all"} == variables.keys()
    for name in ("cluster", "namespace"):
        assert variables[name]["datasource"] == SOURCE
        # What has no such label is shown as well.
        assert variables[name]["allValue"] == ".*"
        query = re.fullmatch(r"label_values\((.+), (\w+)\)", variables[name]["query"]["query"])
        assert query is not None
        assert problems_of(_filled(query[1])) == []
        assert query[2] == name


def test_the_chart_makes_a_rule_of_the_alerts_as_they_are(helm: Path) -> None:
    (rule,) = of_kind(render(helm, {"prometheusRule": {"enabled": True}}), "PrometheusRule")
    assert read_alerts(rule["spec"]) == ALERTS


def test_runbooks_are_where_the_chart_is_told(helm: Path) -> None:
    url = "https://wiki.example.com/redistimer?page=runbooks"
    (rule,) = of_kind(render(helm, {"prometheusRule": {"enabled": True, "runbookUrl": url}}), "PrometheusRule")
    for alert in read_alerts(rule["spec"]):
        assert alert.annotations["runbook_url"] == f"{url}#{alert.name.lower()}"
    with pytest.raises(HelmError, match="runbookUrl"):
        render(helm, {"prometheusRule": {"enabled": True, "runbookUrl": "https://wiki.example.com/a#b"}})


def test_rare_rebuilds_are_no_reason_for_an_alert(helm: Path) -> None:
    values = {"prometheusRule": {"enabled": True}, "controller": {"settings": {"rebuildSeconds": 86400}}}
    (rule,) = of_kind(render(helm, values), "PrometheusRule")
    changed = [after for before, after in zip(ALERTS, read_alerts(rule["spec"]), strict=True) if before != after]
    assert [(alert.name, alert.expression) for alert in changed] == [
        ("RedisTimerRebuildOld", "redistimer_rebuild_age_seconds > 518400")
    ]


def test_the_chart_makes_a_config_map_of_the_dashboard_where_that_is_chosen(helm: Path) -> None:
    assert not of_kind(render(helm), "ConfigMap")
    plain = one(render(helm, {"grafanaDashboard": {"enabled": True}}), "ConfigMap", "redistimer-dashboard")
    assert plain["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {name: json.loads(text) for name, text in plain["data"].items()} == {"redistimer.json": DASHBOARD}
    labels = {"grafana_dashboard": None, "dashboards": "yes"}
    chosen = {"enabled": True, "labels": labels, "annotations": {"grafana_folder": "Timers"}}
    metadata = one(render(helm, {"grafanaDashboard": chosen}), "ConfigMap", "redistimer-dashboard")["metadata"]
    assert metadata["labels"]["dashboards"] == "yes"
    assert "grafana_dashboard" not in metadata["labels"]
    assert metadata["annotations"] == {"grafana_folder": "Timers"}


def _filled(expression: str) -> str:
    """An expression with something in the place of Grafana's variables."""
    for name, value in {
        "$__rate_interval": "5m",
        "$cluster": "chosen cluster",
        "$namespace": "chosen namespace",
    }.items():
        expression = expression.replace(name, value)
    return expression
