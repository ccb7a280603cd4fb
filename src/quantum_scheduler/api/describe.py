"""Describe the API as an OpenAPI document that hides nothing: every status, every header, every body."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from quantum_scheduler.accounts.routes.request import REQUEST_BODIES as ACCOUNT_BODIES
from quantum_scheduler.api.model import ERROR_MEDIA_TYPE, ErrorDocument
from quantum_scheduler.incidents.alerts.document import REQUEST_BODIES as ALERT_BODIES
from quantum_scheduler.incidents.answers.routes import REQUEST_BODIES as ANSWER_BODIES
from quantum_scheduler.incidents.document import REQUEST_BODIES as INCIDENT_BODIES
from quantum_scheduler.incidents.status.routes import REQUEST_BODIES as STATUS_BODIES
from quantum_scheduler.incidents.status.subscriptions.routes import REQUEST_BODIES as SUBSCRIPTION_BODIES
from quantum_scheduler.jobs.routes import REQUEST_BODIES as JOB_BODIES
from quantum_scheduler.notifications.routes import REQUEST_BODIES as ONCALL_BODIES
from quantum_scheduler.problems.publish import problem_schema
from quantum_scheduler.runbooks.document import REQUEST_BODIES as RUNBOOK_BODIES

REF = "#/components/schemas/{model}"
METHODS = ("get", "put", "post", "delete", "patch")

_WITH_KEY = {
    "401": "The key is missing or unknown.",
    "403": "The key is good, but not for this.",
    "429": "Too many requests, or too little left of the plan.",
}
_WITH_PARAMETERS = {"400": "A parameter does not say what it should."}
_WITH_BODY = {
    "400": "The body is not JSON.",
    "408": "The body was not complete in time.",
    "413": "The body is too large.",
    "415": "The body is in another format than JSON.",
    "422": "The body does not say what it should; `errors` names each field.",
}
_MEANINGS = {
    "X-Request-Id": "The id of the request: the one that was sent in this header, or a new one.",
    "WWW-Authenticate": "How to show a key.",
    "Retry-After": "Seconds after which to try again.",
    "RateLimit-Policy": "How many requests the layers of limits let through in which time.",
    "RateLimit": "How many of those are left, and in how many seconds all are there again.",
}
_HEADERS = {
    "401": ("WWW-Authenticate",),
    "429": ("Retry-After", "RateLimit-Policy", "RateLimit"),
    "503": ("Retry-After",),
}
_ALWAYS = {"500": "The service failed.", "503": "The service cannot answer now; try again after `Retry-After`."}


def describe_api(api: FastAPI) -> dict[str, Any]:
    """Write the OpenAPI document of the routes of `api`."""
    document = get_openapi(
        title=api.title, version=api.version, summary=api.summary, description=api.description, routes=api.routes
    )
    schemas: dict[str, Any] = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas |= _describe_bodies()
    document["components"]["headers"] = {
        name: {"description": description, "schema": {"type": "string"}} for name, description in _MEANINGS.items()
    }
    for operation in list_operations(document):
        _describe_responses(operation)
    return document


def list_operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation of an OpenAPI document."""
    for path in document["paths"].values():
        yield from (path[method] for method in METHODS if method in path)


def _describe_bodies() -> dict[str, Any]:
    """The schemas of errors and of the bodies that routes read by themselves; of problems, the published ones."""
    models: tuple[type[BaseModel], ...] = (
        *JOB_BODIES,
        *ACCOUNT_BODIES,
        *INCIDENT_BODIES,
        *ALERT_BODIES,
        *ANSWER_BODIES,
        *ONCALL_BODIES,
        *STATUS_BODIES,
        *SUBSCRIPTION_BODIES,
        *RUNBOOK_BODIES,
        ErrorDocument,
    )
    _, described = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    published = json.dumps(problem_schema()["$defs"]).replace('"#/$defs/', '"' + REF.format(model=""))
    schemas: dict[str, Any] = described["$defs"] | json.loads(published)
    return schemas


def _describe_responses(operation: dict[str, Any]) -> None:
    """Add the errors that follow from what the operation takes, and give each error its one shape."""
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)  # the framework's own, for parameters
    expected = _ALWAYS | (_WITH_KEY if "security" in operation else {})
    expected |= _WITH_PARAMETERS if "parameters" in operation else {}
    expected |= _WITH_BODY if "requestBody" in operation else {}
    for status, description in expected.items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        names = ["X-Request-Id", *_HEADERS.get(status, ())]
        added = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        response["headers"] = added | response.get("headers", {})
        if int(status) >= 400 and "content" not in response:
            response["content"] = {ERROR_MEDIA_TYPE: {"schema": {"$ref": REF.format(model=ErrorDocument.__name__)}}}
    operation["responses"] = dict(sorted(responses.items()))
