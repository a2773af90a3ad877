"""What a worker decided that leaves no Job behind, on its way to the timer's status."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from controller.core.identity import TICKET_LENGTH
from controller.core.reasons import Reason

MESSAGE_LIMIT = 1000
COUNT_LIMIT = 1_000_000_000
GENERATION_LIMIT = 10**15

TICKET = r"^[A-Za-z0-9_-]{22}(~[a-z2-7]{8})?$"

LATEST_INSTANT_MS = 253_402_300_799_999
"""The end of year 9999, where datetime ends."""


class Report(BaseModel):
    """One decision. Reports pass through Redis, where others may write: hence the bounds."""

    model_config = ConfigDict(frozen=True)

    ticket: Annotated[str, StringConstraints(pattern=TICKET)]
    reason: Reason
    generation: int = Field(ge=1, le=GENERATION_LIMIT)
    occurrence_ms: int = Field(ge=0, le=LATEST_INSTANT_MS)
    """The occurrence this is about; of several missed ones the last, of a run by hand the instant of the decision."""
    count: int = Field(default=1, ge=1, le=COUNT_LIMIT)
    message: Annotated[str, StringConstraints(max_length=MESSAGE_LIMIT)] = ""

    @property
    def request_key(self) -> str:
        """Of the run by hand that this is about, "" where it is about an occurrence."""
        return self.ticket[TICKET_LENGTH + 1 :]
