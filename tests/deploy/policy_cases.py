"""Who may have a timer run something, and who may not: people, what they do, and what the admission policy says.

Each message is "" where nothing is said against it; {who} in it stands for who did it.
"""

from typing import Any

from controller.core.timer import API_VERSION, KIND
from controller.core.timer import TRIGGER_ANNOTATION as TRIGGER
from tests.deploy.chart import Object

TEAM = "team"
ELSEWHERE = "elsewhere"
ROBOT = {"serviceAccountName": "robot"}

JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}
AS_ROBOT = {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["robot"], "verbs": ["impersonate"]}
STATUS = {"apiGroups": ["redistimer.dev"], "resources": ["redistimers/status"], "verbs": ["patch"]}
READ = {"apiGroups": ["redistimer.dev"], "resources": ["redistimers", "redistimers/status"], "verbs": ["get"]}

PEOPLE: dict[str, tuple[list[str], list[Object]]] = {
    "writer": (["redistimer-editor"], []),
    "stranger": (["redistimer-editor"], []),
    "runner": (["redistimer-editor"], [JOBS]),
    "lender": (["redistimer-editor"], [JOBS, AS_ROBOT]),
    "coder": (["redistimer-editor", "edit"], []),
    "keeper": ([], [READ, STATUS]),
}
"""ClusterRoles that each has in the namespace of the team, and other rules there. The stranger may create Jobs
elsewhere."""

NO_JOBS = (
    "{who} may not create Jobs in namespace team, and a RedisTimer runs Jobs: to create one, change its spec or trigger"
    " it takes the right to create jobs (batch) there; have it granted, or ask somebody who has it"
)
NOT_AS_THAT = "a RedisTimer may name another ServiceAccount than default only if whoever changes or triggers it may "


def not_as(account: str) -> str:
    """The message where somebody may not be this ServiceAccount."""
    return (
        f"{{who}} may not impersonate ServiceAccount {account} in namespace team, and jobTemplate runs Pods under it: "
        f"have the right to impersonate serviceaccounts/{account} granted there, ask somebody who has it, or leave "
        "serviceAccountName out for default"
    )


CREATIONS: dict[str, tuple[str, Object, str]] = {
    "by who may create Jobs": ("runner", {}, ""),
    "by who may not": ("writer", {}, NO_JOBS),
    "by who may elsewhere": ("stranger", {}, NO_JOBS),
    "by who may neither run nor be it": ("writer", ROBOT, NO_JOBS),
    "default by its name": ("runner", {"serviceAccountName": "default"}, ""),
    "default by the older field": ("runner", {"serviceAccount": "default"}, ""),
    "an empty name": ("runner", {"serviceAccountName": ""}, ""),
    "nothing, as templates write it": ("runner", {"serviceAccountName": None}, ""),
    "another one": ("runner", ROBOT, not_as("robot")),
    "another one by the older field": ("runner", {"serviceAccount": "robot"}, not_as("robot")),
    "another one behind an empty name": ("runner", {**ROBOT, "serviceAccount": ""}, not_as("robot")),
    "another one instead of an empty name": (
        "runner",
        {"serviceAccountName": "", "serviceAccount": "robot"},
        not_as("robot"),
    ),
    "another one in front of default": ("runner", {**ROBOT, "serviceAccount": "default"}, not_as("robot")),
    "another one that does not count": ("runner", {"serviceAccountName": "default", "serviceAccount": "robot"}, ""),
    "by who may be it": ("lender", ROBOT, ""),
    "by who may be it, by the older field": ("lender", {"serviceAccount": "robot"}, ""),
    "by who may be another": ("lender", {"serviceAccountName": "boss"}, not_as("boss")),
    "by who has the role edit": ("coder", ROBOT, ""),
}
"""Who creates a timer, with what of these in the spec of its Pods."""

NO_NAMES: dict[str, tuple[object, str]] = {
    "a name with two lines": ("robot\nand more", NOT_AS_THAT),
    "a name that is none": ({"a": "b"}, "no such overload"),
}

CHANGES: dict[str, tuple[str, str, Object, str]] = {
    "a label": ("writer", "plain", {"metadata": {"labels": {"a": "b"}}}, ""),
    "an annotation": ("writer", "plain", {"metadata": {"annotations": {"a": "b"}}}, ""),
    "a finalizer": ("writer", "plain", {"metadata": {"finalizers": ["example.com/a"]}}, ""),
    "the spec as it is": ("writer", "plain", {"spec": {"every": "1h"}}, ""),
    "a request withdrawn": ("writer", "asked", {"metadata": {"annotations": {TRIGGER: None}}}, ""),
    "a request emptied": ("writer", "asked", {"metadata": {"annotations": {TRIGGER: ""}}}, ""),
    "a request as it is": ("writer", "asked", {"metadata": {"annotations": {TRIGGER: "one", "a": "b"}}}, ""),
    "another request": ("writer", "asked", {"metadata": {"annotations": {TRIGGER: "two"}}}, NO_JOBS),
    "a request": ("writer", "plain", {"metadata": {"annotations": {TRIGGER: "one"}}}, NO_JOBS),
    "a request beside a label": (
        "writer",
        "plain",
        {"metadata": {"labels": {"a": "b"}, "annotations": {TRIGGER: "one"}}},
        NO_JOBS,
    ),
    "a schedule": ("writer", "plain", {"spec": {"every": "1m"}}, NO_JOBS),
    "a resume": ("writer", "held", {"spec": {"suspend": False}}, NO_JOBS),
    "a template": ("writer", "plain", {"spec": {"jobTemplate": {"spec": {"backoffLimit": 3}}}}, NO_JOBS),
    "a schedule, by who may": ("runner", "plain", {"spec": {"every": "1m"}}, ""),
    "a request, by who may": ("runner", "plain", {"metadata": {"annotations": {TRIGGER: "one"}}}, ""),
    "another account": (
        "runner",
        "plain",
        {"spec": {"jobTemplate": {"spec": {"template": {"spec": ROBOT}}}}},
        not_as("robot"),
    ),
    "a label, where another account runs": ("runner", "lent", {"metadata": {"labels": {"a": "b"}}}, ""),
    "a schedule, where another account runs": ("runner", "lent", {"spec": {"every": "1m"}}, not_as("robot")),
    "a request, where another account runs": (
        "runner",
        "lent",
        {"metadata": {"annotations": {TRIGGER: "one"}}},
        not_as("robot"),
    ),
    "a schedule, by who may be that account": ("lender", "lent", {"spec": {"every": "1m"}}, ""),
    "a request, by who may be that account": ("lender", "lent", {"metadata": {"annotations": {TRIGGER: "one"}}}, ""),
}
"""Who changes which timer, by which merge patch."""


def rights(who: str, namespace: str, cluster_roles: list[str], rules: list[Object]) -> list[Object]:
    """What gives somebody these rights in a namespace."""
    api, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    role = {"apiVersion": api, "kind": "Role", "metadata": {"name": who, "namespace": namespace}, "rules": rules}
    return [role] + [
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": {"name": f"{who}-{name}", "namespace": namespace},
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": who}],
        }
        for kind, name in [("Role", who), *(("ClusterRole", name) for name in cluster_roles)]
    ]


def everybody() -> list[Object]:
    """What gives people their rights, and the ServiceAccount that is asked for."""
    objects = [each for who, has in PEOPLE.items() for each in rights(who, TEAM, *has)]
    robot = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot", "namespace": TEAM}}
    return [*objects, *rights("stranger", ELSEWHERE, [], [JOBS]), robot]


def timer(name: str, pod: Object | None = None, annotations: Object | None = None, **spec: Any) -> Object:
    """A RedisTimer; `pod` is more of the spec of its Pods."""
    containers = [{"name": "main", "image": "never-pulled", "command": ["true"]}]
    pod = {"restartPolicy": "Never", "containers": containers, **(pod or {})}
    when = {} if "afterCreation" in spec else {"every": "1h"}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": TEAM, "annotations": annotations or {}},
        "spec": {**when, **spec, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


def some_timers() -> list[Object]:
    """Those that are changed and deleted, made by an administrator."""
    asked = timer("asked", annotations={TRIGGER: "one"})
    return [timer("plain"), timer("held", suspend=True), timer("lent", ROBOT), asked, timer("unwanted")]
