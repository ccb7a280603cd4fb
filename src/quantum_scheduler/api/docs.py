"""Show the API to people and programs: one page that needs nothing from elsewhere, and two documents."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Self, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic_core import to_json

from quantum_scheduler.api.answer_error import STATUS, write_type
from quantum_scheduler.api.draw_docs import draw_docs
from quantum_scheduler.problems.publish import problem_schema

SCHEMA_MEDIA_TYPE = "application/schema+json"
STYLESHEET = "/docs/style.css"
PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

router = APIRouter(tags=["Description"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The description of the API, written once: `app.state.description`."""

    openapi: bytes
    schema: bytes
    page: str
    style: bytes

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Write everything that follows from the OpenAPI document."""
        problems = {write_type(error): status for error, status in STATUS.items()}
        return cls(
            openapi=to_json(document),
            schema=to_json(problem_schema()),
            page=draw_docs(document, problems, stylesheet=STYLESHEET),
            style=(files(__package__) / "docs.css").read_bytes(),
        )


async def _find_description(request: Request) -> Description:
    return cast("Description", request.app.state.description)


Shown = Annotated[Description, Depends(_find_description)]


@router.get(
    "/v1/openapi.json",
    operation_id="getOpenapi",
    summary="Describe the API",
    response_class=JSONResponse,
    response_description="The OpenAPI document.",
)
async def get_openapi(shown: Shown) -> Response:
    """This description as an OpenAPI document."""
    return Response(shown.openapi, media_type="application/json")


@router.get(
    "/v1/problem-schema",
    operation_id="getProblemSchema",
    summary="Describe problems",
    response_description="The JSON Schema.",
    response_class=Response,
    responses={200: {"content": {SCHEMA_MEDIA_TYPE: {"schema": {"type": "object"}}}}},
)
async def get_problem_schema(shown: Shown) -> Response:
    """The JSON Schema of what can be asked."""
    return Response(shown.schema, media_type=SCHEMA_MEDIA_TYPE)


@router.get("/docs", include_in_schema=False)
async def get_page(shown: Shown) -> Response:
    """Show the page for people."""
    return Response(shown.page, media_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})


@router.get(STYLESHEET, include_in_schema=False)
async def get_style(shown: Shown) -> Response:
    """Show how the page looks."""
    return Response(shown.style, media_type="text/css", headers={"Cache-Control": "max-age=300"})
