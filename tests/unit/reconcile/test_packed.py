"""Timers as few bytes."""

from collections.abc import Iterator

import pytest

from controller.core.slim import slim
from controller.core.timer import Timer, parse_timer
from controller.reconcile import packed
from controller.reconcile.packed import pack, unpack
from tests.unit.core.objects import UID, status_of, timer, timer_object
from tests.unit.reconcile.desk import HOURLY, TWELVE, uid

STATUS = status_of(timer(HOURLY), [], [], TWELVE)


@pytest.fixture(autouse=True)
def nothing_read() -> Iterator[None]:
    packed._read.clear()
    yield
    packed._read.clear()


def test_a_timer_that_was_packed_reads_as_before() -> None:
    obj = timer_object(HOURLY, status=STATUS)
    bytes_ = pack(obj)
    packed._read.clear()
    assert unpack(bytes_) == parse_timer(slim(obj))


def test_a_usual_timer_takes_few_bytes() -> None:
    """A hundred thousand of them are to fit beside kopf; the object is twenty times as long."""
    obj = timer_object(HOURLY, status=STATUS, managedFields=[])
    assert len(pack(obj)) < 250


def test_what_is_looked_at_again_and_again_is_read_once() -> None:
    bytes_ = pack(timer_object(HOURLY))
    assert unpack(bytes_) is unpack(bytes_)
    packed._read.clear()
    assert unpack(bytes_) is unpack(bytes_)


def test_only_so_many_stay_read_and_those_that_were_looked_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "READ_AT_ONCE", 2)
    first = pack(timer_object(HOURLY))
    kept: Timer = unpack(first)
    second = pack(timer_object(HOURLY, uid=uid(2)))
    read = unpack(second)
    assert unpack(first) is kept
    pack(timer_object(HOURLY, uid=uid(3)))
    assert unpack(first) is kept
    assert unpack(second) is not read
    assert len(packed._read) == 2
    assert kept.uid == UID
