"""Logs: one line per sentence, with its keys."""

import json
import logging
from collections.abc import Iterator

import pytest

from controller.observe.logs import set_up_logs

log = logging.getLogger("controller.test")


@pytest.fixture(autouse=True)
def _undisturbed() -> Iterator[None]:
    """Leave logging as it was found."""
    names = ("", "kopf", "aiohttp.access", "asyncio", "kubernetes")
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    root.handlers = []  # set_up_logs closes what it replaces
    yield
    root.handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_plain_line_ends_with_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("plain", "info")
    log.info("fired: job %s", "created", extra={"timer": "default/nightly", "lag_ms": 12, "why": "two words", "no": ""})
    (line,) = logged(capsys)
    assert line.endswith('INFO    fired: job created timer=default/nightly lag_ms=12 why="two words" no=""')


def test_a_json_line_is_an_object_with_the_same_keys(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    log.warning("job refused: %s", "no\nimage", extra={"timer": "default/nightly", "lag_ms": 12})
    (line,) = logged(capsys)
    entry = json.loads(line)
    assert entry.pop("time")
    assert entry == {
        "level": "WARNING",
        "logger": "controller.test",
        "message": "job refused: no\nimage",
        "timer": "default/nightly",
        "lag_ms": 12,
    }


@pytest.mark.parametrize("form", ["plain", "json"])
def test_what_is_below_the_level_is_not_logged(capsys: pytest.CaptureFixture[str], form: str) -> None:
    set_up_logs(form, "warning")
    log.info("quiet")
    log.warning("loud")
    (line,) = logged(capsys)
    assert "loud" in line


def test_libraries_that_tell_of_every_request_are_heard_only_when_they_warn(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("plain", "debug")
    logging.getLogger("kopf.objects").info("handler succeeded")
    logging.getLogger("kopf.objects").warning("handler failed")
    log.debug("ours")
    assert [line.split()[2:] for line in logged(capsys)] == [["WARNING", "handler", "failed"], ["DEBUG", "ours"]]
