"""Turn what pydantic says of a document into issues in plain words."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from quantum_scheduler.problems.model import Issue, ProblemInvalid, ProblemTooLarge

# Listing more errors than this would cost more memory than the document itself.
ERRORS_LISTED_MAX = 100_000
KEY_SHOWN_MAX = 60

_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field that is known here",
    "int_type": "must be a whole number, without a decimal point",
    "float_type": "must be a number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "string_pattern_mismatch": "must not hold control characters",
    "bool_type": "must be true or false",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt:,}",
    "greater_than_equal": "must be at least {ge:,}",
    "less_than_equal": "must be at most {le:,}",
    "less_than": "must be less than {lt:,}",
    "too_short": "must hold at least {min_length:,}",
    "too_long": "holds more than {max_length:,}",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    "json_invalid": "is not JSON: {error}",
}

Model = TypeVar("Model", bound=BaseModel)


def build(model: type[Model], parts: dict[str, Any]) -> Model:
    """Build a part of a problem from Python values. Raises ProblemInvalid, ProblemTooLarge."""
    try:
        return model.model_validate(parts)
    except ValidationError as error:
        raise explain(error) from None


def explain(error: ValidationError) -> ProblemInvalid:
    """Say in plain words what is wrong and where; a list over its limit makes it ProblemTooLarge."""
    count = error.error_count()
    if count > ERRORS_LISTED_MAX:
        reason = f"{count:,} things are wrong; is it a problem of this kind at all?"
        return ProblemInvalid(Issue(field="", reason=reason))
    details = error.errors(include_url=False, include_input=False)
    details = [detail for detail in details if not _is_echo(detail, details)]
    over = [detail for detail in details if _is_over_limit(detail)]
    if over:
        return ProblemTooLarge(*(_issue(detail) for detail in over))
    return ProblemInvalid(*(_issue(detail) for detail in details))


def _is_over_limit(detail: ErrorDetails) -> bool:
    """Whether a named list is over its limit; a list within a list is a single term, which is just malformed."""
    return detail["type"] == "too_long" and bool(detail["loc"]) and isinstance(detail["loc"][-1], str)


def _is_echo(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Whether a list counts as too short only because its items were refused."""
    location = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(location)] == location for other in details if other is not detail
    )


def _issue(detail: ErrorDetails) -> Issue:
    location = list(detail["loc"])
    if location[:1] in (["schedule"], ["binary"]):
        del location[0]  # the kind that was chosen
    if location[:1] == ["objective"]:
        del location[1:2]  # likewise
    if detail["type"].startswith("union_tag"):
        location.append("kind")
    prefix = "" if location else "the document "
    if location[-1:] == ["[key]"]:
        *location, key, _ = location
        prefix = f"the name {_quote(str(key))} "
    template = _REASONS.get(detail["type"])
    reason = template.format_map(detail.get("ctx", {})) if template else detail["msg"]
    return Issue(field=_path(location), reason=prefix + reason)


def _path(location: Sequence[int | str]) -> str:
    return "".join(_step(step) for step in location).removeprefix(".")


def _step(step: int | str) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() and len(step) <= KEY_SHOWN_MAX else f"[{_quote(step)}]"


def _quote(text: str) -> str:
    """A customer's text, fit to be shown on one line."""
    return repr(text if len(text) <= KEY_SHOWN_MAX else text[:KEY_SHOWN_MAX] + "...")
