"""Names that follow from a timer's UID: its ticket in the index, its Jobs in the cluster."""

import base64
import hashlib
import uuid

JOB_NAME_LIMIT = 63
"""A Job's name is also a label of its Pods, and label values end at 63 characters."""

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def ticket_of(uid: str) -> str:
    """The 22-character ticket of a UID: the index holds one per timer, so its length is memory.

    Raises ValueError where the UID is not a UUID.
    """
    return base64.urlsafe_b64encode(uuid.UUID(uid).bytes).rstrip(b"=").decode()


def job_name(timer_name: str, timer_uid: str, occurrence_ms: int) -> str:
    """`<timer>-<hash of UID>-<occurrence>`, at most 63 characters.

    A function of (UID, occurrence) alone, so that the API server itself refuses the second Job of an
    occurrence, and a timer recreated under its old name never meets its predecessor's Jobs.
    """
    digest = hashlib.sha256(timer_uid.encode()).digest()
    suffix = f"-{base64.b32encode(digest[:5]).decode().lower()}-{_base36(occurrence_ms)}"
    return timer_name[: JOB_NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


def occurrence_of(name: str, timer_name: str, timer_uid: str) -> int | None:
    """The occurrence (ms) of which `job_name` made this name, or None where it made it of none."""
    try:
        occurrence_ms = int(name.rpartition("-")[2], 36)
    except ValueError:
        return None
    return occurrence_ms if job_name(timer_name, timer_uid, occurrence_ms) == name else None


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"
