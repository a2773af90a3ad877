"""Names that follow from a timer's UID: its tickets in the index, its Jobs in the cluster.

An occurrence has its instant in the name of its Job. A run by hand has the key of its request there, and a ticket of
its own with that key.
"""

import base64
import hashlib
import uuid

JOB_NAME_LIMIT = 63
"""A Job's name is also a label of its Pods, and label values end at 63 characters."""

TICKET_LENGTH = 22

_UUID_LENGTH = 16
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def ticket_of(uid: str) -> str:
    """The 22-character ticket of a UID: the index holds one per timer, so its length is memory.

    Raises ValueError where the UID is not a UUID.
    """
    # uuid.UUID takes more than twice as long, and a rebuild asks for those of all timers.
    digits = uid.replace("-", "")
    try:
        uuid_bytes = bytes.fromhex(digits)
    except ValueError:
        uuid_bytes = b""
    # It skips blanks.
    if 2 * len(uuid_bytes) != len(digits) or len(uuid_bytes) != _UUID_LENGTH:
        raise ValueError(f"badly formed UID {uid!r}: write 32 hexadecimal digits, as 8-4-4-4-12")
    # Always two characters of filling.
    return base64.urlsafe_b64encode(uuid_bytes)[:TICKET_LENGTH].decode()


def uid_of(ticket: str) -> str | None:
    """The UID that has this ticket, or one that begins with it; None where none has."""
    ticket = ticket[:TICKET_LENGTH]
    try:
        uid = str(uuid.UUID(bytes=base64.urlsafe_b64decode(f"{ticket}==")))
    except ValueError:
        return None
    return uid if ticket_of(uid) == ticket else None


def manual_ticket(ticket: str, request: str) -> str:
    """The ticket of a run by hand: a timer can wait for one and be due at the same time."""
    return f"{ticket}~{_key(request)}"


def job_name(timer_name: str, timer_uid: str, occurrence_ms: int) -> str:
    """`<timer>-<hash of UID>-<occurrence>`, at most 63 characters.

    A function of (UID, occurrence) alone, so that the API server itself refuses the second Job of an
    occurrence, and a timer recreated under its old name never meets its predecessor's Jobs.
    """
    return _name(timer_name, timer_uid, _base36(occurrence_ms))


def manual_job_name(timer_name: str, timer_uid: str, request: str) -> str:
    """`<timer>-<hash of UID>-run-<key of the request>`: in the same way, one Job for each request."""
    return _name(timer_name, timer_uid, f"run-{_key(request)}")


def occurrence_of(name: str, timer_name: str, timer_uid: str) -> int | None:
    """The occurrence (ms) of which `job_name` made this name, or None where it made it of none."""
    try:
        occurrence_ms = int(name.rpartition("-")[2], 36)
    except ValueError:
        return None
    return occurrence_ms if job_name(timer_name, timer_uid, occurrence_ms) == name else None


def request_key_of(name: str, timer_name: str, timer_uid: str) -> str | None:
    """The key of the request for which `manual_job_name` made this name, or None where it made it for none."""
    key = name.rpartition("-")[2]
    return key if _name(timer_name, timer_uid, f"run-{key}") == name else None


def is_for(key: str, request: str) -> bool:
    """Whether this is the key of this request."""
    return bool(request) and key == _key(request)


def _name(timer_name: str, timer_uid: str, which: str) -> str:
    suffix = f"-{_key(timer_uid)}-{which}"
    return timer_name[: JOB_NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


def _key(text: str) -> str:
    """40 bits of a hash, in 8 characters that a name may have."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:5]).decode().lower()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"
