"""When output counts as the one that is shown."""

import pytest

from tests.docs.shapes import differences


@pytest.mark.parametrize(
    ("command", "shown", "printed"),
    [
        ("redistimer suspend a", "a: suspended", "b: suspended\na: suspended"),
        (
            "redistimer trigger report",
            "report: Job report-ijae3k54-run-3ytyyi5c was created",
            "report: Job report-abcdefgh-run-12345678 was created",
        ),
        (
            "redistimer resume report",
            "report: resumed, next at Thu 2026-11-26 06:30:00 +01:00 (in 10h49m)",
            "report: resumed, next at Mon 2027-01-04 06:30:00 +02:00 (in 3d1h)",
        ),
        ("redistimer resume a", "a: in 2h16m, 2m10s of jitter", "a: in 1h30m, 11.8s of jitter"),
        ("kubectl get rt -o wide", "NAME   ...   READY  FAILED\na  ...  True  1", "NAME  SCHEDULE  READY  AGE  FAILED"),
        ("kubectl describe rt a", "...\nStatus:\n  Active Count:  0", "Status:\n  Active Count: 7"),
        ("redistimer doctor", "ok  API server  v1 at a\nwarning  timers  1 b", "ok  API server  v2\nok  timers  none"),
        ("redistimer next -f a --from b", "a/b\n...\n  c", "a/b\n  x\n  c"),
    ],
)  # fmt: skip
def test_what_differs_from_time_to_time_does_not_count(command: str, shown: str, printed: str) -> None:
    assert differences(command, shown.splitlines(), printed) == []


@pytest.mark.parametrize(
    ("command", "shown", "printed"),
    [
        ("redistimer suspend a", "a: suspended", "a: already suspended"),
        ("redistimer suspend a b", "a: suspended\nb: suspended", "b: suspended\na: suspended"),
        ("kubectl get rt", "NAME  READY  NEXT", "NAME  NEXT  READY"),
        ("kubectl describe rt a", "  Active Counts:  0", "  Active Count: 7"),
        ("redistimer doctor", "ok       queues  fine, all", "ok  API server  v2"),
        ("redistimer next -f a --from b", "  IN 17h", "  IN 18h"),
    ],
)
def test_other_words_do(command: str, shown: str, printed: str) -> None:
    assert differences(command, shown.splitlines(), printed)
