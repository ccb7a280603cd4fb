"""How the routes of accounts are described."""

from typing import Any

from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]

REFUSED: Responses = {401: {"description": "What was shown is wrong."}, 403: {"description": "Not in this way."}}
UNKNOWN: Responses = {404: {"description": "The organisation has no such thing."}}
CONFLICT: Responses = {409: {"description": "It cannot be done as things are."}}
GONE: Responses = {410: {"description": "The link was used before or is too old."}}
THROTTLED: Responses = {
    428: {"description": "A proof of work is needed first."},
    429: {"description": "Too many attempts failed; `Retry-After` says when to try again."},
}


def takes(model: type[BaseModel], **example: Any) -> dict[str, Any]:
    """Describe a body that the route reads by itself."""
    content = {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {"example": {"value": example}},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
