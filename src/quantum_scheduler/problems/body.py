"""Read the body of a request: JSON that says what a document says, or one clear reason why not."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from quantum_scheduler.problems.explain import explain
from quantum_scheduler.problems.model import Issue

D = TypeVar("D", bound=BaseModel)


class BodyMalformed(ValueError):  # noqa: N818  an error is named for what happened
    """The body is not JSON, or not an object."""


class MediaTypeWrong(Exception):  # noqa: N818
    """The body is in another format than this service reads."""


class RequestInvalid(Exception):  # noqa: N818
    """The body is JSON but does not say what it should; `issues` names each field and the reason."""

    def __init__(self, *issues: Issue) -> None:
        self.issues = issues
        super().__init__("; ".join(str(issue) for issue in issues))


def check_media_type(headers: Mapping[str, str]) -> None:
    """Check that a body is said to be plain JSON; `headers` have lower-case names. Raises MediaTypeWrong."""
    media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
    if media_type.strip() != "application/json":
        raise MediaTypeWrong("send the body as JSON, with the header `Content-Type: application/json`")
    charset = parameters.partition("charset=")[2].strip(' "')
    if charset not in ("", "utf-8"):
        raise MediaTypeWrong(f"JSON is always UTF-8, not {charset[:40]!r}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaTypeWrong("send the body without a content encoding")


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises BodyMalformed."""
    try:
        value = from_json(body)
    except ValueError as error:
        raise BodyMalformed(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BodyMalformed("the body must be a JSON object")
    return value


def read_fields(model: type[D], fields: Mapping[str, Any]) -> D:
    """Read the fields of a request. Raises RequestInvalid."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise RequestInvalid(*explain(error).issues) from None


def read_document_body(model: type[D], body: bytes) -> D:
    """Read a body that is one document. Raises BodyMalformed, RequestInvalid."""
    read_object(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RequestInvalid(*explain(error).issues) from None
