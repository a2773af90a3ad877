"""The sink in the API server's place: workers find every timer there, and what they create is counted."""

from typing import Any

import orjson

from controller.core.decision import decide
from controller.core.identity import ticket_of
from controller.core.instants import rfc3339_ms
from controller.core.job import job_manifest, parse_run
from controller.core.timer import Timer, parse_timer
from controller.kube import paths
from tests.bench.stub.http import Request
from tests.bench.stub.objects import NAMESPACE, name_of, number_of, uid_of
from tests.bench.stub.sink import BEGIN, COUNT, SEEN, Sink

INSTANT_MS = 4_000_000_000_020


def ask(sink: Sink, method: str, path: str, query: str = "", body: bytes = b"") -> tuple[int, dict[str, Any]]:
    head, _, payload = sink.handle(Request(method, path, query, body)).partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), orjson.loads(payload)


def begun(instant_ms: int = INSTANT_MS) -> Sink:
    sink = Sink()
    ask(sink, "GET", BEGIN, f"instant_ms={instant_ms}")
    return sink


def timer(sink: Sink, number: int) -> Timer:
    status, obj = ask(sink, "GET", paths.timer(NAMESPACE, name_of(number)), "resourceVersion=0")
    assert status == 200
    return parse_timer(obj)


def create(sink: Sink, number: int) -> tuple[int, dict[str, Any]]:
    body = orjson.dumps(job_manifest(timer(sink, number), INSTANT_MS))
    return ask(sink, "POST", paths.jobs(NAMESPACE), body=body)


def test_numbers_and_names_belong_together() -> None:
    assert [number_of(name_of(number)) for number in (0, 17, 9_999_999)] == [0, 17, 9_999_999]
    assert [number_of(name) for name in ("timer-17", "other-0000017", "0000017", "timer-00000x7")] == [None] * 4


def test_every_timer_is_there_and_due_at_the_instant() -> None:
    found = timer(begun(), 17)

    assert (found.name, found.ticket) == (name_of(17), ticket_of(uid_of(17)))
    assert decide(found, 0, INSTANT_MS, 0).fire_ms == INSTANT_MS
    assert found.problem is None


def test_what_is_no_timer_is_not_there_and_is_told() -> None:
    sink = begun()

    assert ask(sink, "GET", paths.timer(NAMESPACE, "nightly"))[0] == 404
    assert ask(sink, "PATCH", "/elsewhere")[0] == 404
    assert ask(sink, "GET", SEEN)[1]["others"] == {"PATCH /elsewhere": 1}


def test_a_job_is_answered_as_an_api_server_would() -> None:
    status, job = create(begun(), 3)
    run = parse_run(job)

    assert status == 201
    assert run is not None
    assert (run.timer_uid, run.occurrence_ms) == (uid_of(3), INSTANT_MS)
    assert job["metadata"]["uid"]
    assert job["spec"]["template"]["metadata"]["labels"]


def test_jobs_are_counted_once_and_a_second_one_of_a_name_is_refused() -> None:
    sink = begun()
    answers = [create(sink, number) for number in (1, 2, 2)]

    seen = ask(sink, "GET", SEEN)[1]

    assert [status for status, _ in answers] == [201, 201, 409]
    assert answers[2][1]["reason"] == "AlreadyExists"
    assert ask(sink, "GET", COUNT)[1] == {"jobs": 2}
    assert (seen["gets"], seen["jobs"], seen["repeated"], seen["early"]) == (3, 2, 1, 2)
    assert seen["first_ms"] <= seen["last_ms"]


def test_who_wants_no_more_is_answered_with_metadata() -> None:
    sink = begun()
    body = orjson.dumps(job_manifest(timer(sink, 3), INSTANT_MS))
    reply = sink.handle(Request("POST", paths.jobs(NAMESPACE), "", body, only_metadata=True))
    created = orjson.loads(reply.partition(b"\r\n\r\n")[2])

    assert created["kind"] == "PartialObjectMetadata"
    assert set(created) == {"kind", "apiVersion", "metadata"}
    assert created["metadata"]["uid"]


def test_a_job_is_found_again_by_its_name() -> None:
    sink = begun()
    _, created = create(sink, 1)
    path = paths.job(NAMESPACE, created["metadata"]["name"])

    assert ask(sink, "GET", path) == (200, created)
    assert ask(sink, "GET", paths.job(NAMESPACE, "other"))[0] == 404


def test_jobs_after_the_instant_are_not_early() -> None:
    sink = begun(1_000)
    body = orjson.dumps({"metadata": {"name": "a", "annotations": {"at": rfc3339_ms(1_000)}}})
    ask(sink, "POST", paths.jobs(NAMESPACE), body=body)

    assert ask(sink, "GET", SEEN)[1]["early"] == 0


def test_another_beginning_forgets_what_was_counted() -> None:
    sink = begun()
    create(sink, 1)
    ask(sink, "GET", BEGIN, f"instant_ms={INSTANT_MS}")

    assert ask(sink, "GET", SEEN)[1]["jobs"] == 0
