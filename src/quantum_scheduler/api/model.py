"""The nouns of the HTTP door: the one shape of every error, and what can go wrong at the door itself."""

from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.problems.model import Issue

ERROR_MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing wrong with the input."""

    field: str = Field(description="Where it is, as a path into the input; empty where it is the input as a whole.")
    reason: str = Field(description="Why it is wrong.")


class ErrorDocument(BaseModel):
    """What went wrong (RFC 9457). `type` is stable and meant for programs, `detail` for people."""

    model_config = ConfigDict(title="Error")

    type: str = Field(description="A stable name of the kind of error, as a relative URI.")
    title: str = Field(description="The kind of error in words.")
    status: int = Field(ge=400, le=599, description="The HTTP status, repeated.")
    detail: str = Field(description="What went wrong this time.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="The id of this request, as in X-Request-Id and in the service's log.")
    violated_policies: list[str] = Field(
        default=[],
        serialization_alias="violated-policies",
        description="Which of the policies in RateLimit-Policy refused the request.",
    )
    errors: list[FieldError] = Field(default=[], description="Each thing wrong with the input, if that is the matter.")


class PathUnknown(Exception):  # noqa: N818  an error is named for what happened
    """Nothing is served at the path."""

    def __init__(self) -> None:
        super().__init__("there is nothing at this path")


class MethodUnknown(Exception):  # noqa: N818
    """The path is served, but not with this method."""

    def __init__(self) -> None:
        super().__init__("this path does not take this method; the header Allow names those it takes")


class ParameterInvalid(Exception):  # noqa: N818
    """A part of the path, the query or a header does not say what it should."""

    def __init__(self, *issues: Issue) -> None:
        self.issues = issues
        super().__init__("; ".join(str(issue) for issue in issues))


class BodyTooLarge(Exception):  # noqa: N818
    """The body has more bytes than the service takes."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"the body may have at most {bytes_max:,} bytes")


class BodyTooSlow(Exception):  # noqa: N818
    """The body was not there in time."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the body was not complete within {timeout_s:g} s")


class DatabaseAway(Exception):  # noqa: N818
    """The database cannot be asked now, and may be soon."""

    def __init__(self) -> None:
        super().__init__("the database cannot be reached at the moment; try again soon")


class RequestFailed(Exception):  # noqa: N818
    """Something went wrong that the customer has no part in; the log has the rest."""

    def __init__(self) -> None:
        super().__init__("the service failed to answer; its log has the reason under the id of this request")
