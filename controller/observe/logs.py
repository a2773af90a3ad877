"""Structured logs: a sentence, and keys that stay the same (timer, occurrence, token, worker ...)."""

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logs(form: str, level: str) -> None:
    """Log to stderr, as `plain` lines or `json` objects, from `level` up."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        names = {"levelname": "level", "asctime": "time", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names))
    else:
        handler.setFormatter(_Plain("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These tell of every request or watch; their warnings are enough.
    for chatty in ("kopf", "aiohttp.access", "asyncio", "kubernetes"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + "".join(f" {key}={_shown(value)}" for key, value in _extras(record).items())


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD and not key.startswith("_")}


def _shown(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text or not text else text
