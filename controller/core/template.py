"""What a dry run says of a jobTemplate: known when it is applied, and not when it is due."""

from dataclasses import dataclass

from controller.core.reasons import Reason
from controller.core.refusal import refusal_reason
from controller.core.timer import Timer, condition

PROBLEM = "jobTemplate: "
"""How the message of a template that is not accepted begins."""

_MESSAGE_LIMIT = 1000
_STRICT = "strict decoding error: "
_NO_DRY_RUN = "does not support dry run"


@dataclass(frozen=True, slots=True)
class TemplateCheck:
    """What was found out about the jobTemplate of one generation; `valid` is None where it could not be."""

    generation: int
    valid: bool | None
    message: str


def is_unchecked(timer: Timer) -> bool:
    """Whether status does not tell of a check of this generation, and one would be of use."""
    if timer.problem is not None or timer.being_deleted:
        return False
    return condition(timer.status, "TemplateValid").get("observedGeneration") != timer.generation


def accepted(generation: int) -> TemplateCheck:
    """The API server would create this Job, and every field of it is known."""
    return TemplateCheck(generation, True, "The API server accepts a Job of this template.")


def refused(generation: int, status: int, message: str, causes: tuple[str, ...]) -> TemplateCheck:
    """The API server would not, for this reason.

    Only what is wrong with the Job itself makes the template invalid. That a quota is used up, or a webhook does not
    take part in dry runs, says nothing of the day on which it is due.
    """
    reason = refusal_reason(status, message, causes)
    if reason is Reason.INVALID_TEMPLATE and _NO_DRY_RUN not in message:
        # In front of it stands only that this is a Job.
        return TemplateCheck(generation, False, f"{PROBLEM}{message.rpartition(_STRICT)[2]}"[:_MESSAGE_LIMIT])
    return unanswered(generation, message)


def is_misspelt(message: str) -> bool:
    """Whether such a message is about fields that a Job does not have, which only an edit can mend."""
    return message.startswith((f"{PROBLEM}unknown field", f"{PROBLEM}duplicate field"))


def unanswered(generation: int, why: str) -> TemplateCheck:
    """Nothing is known of the template."""
    return TemplateCheck(generation, None, f"The template could not be checked: {why}"[:_MESSAGE_LIMIT])
