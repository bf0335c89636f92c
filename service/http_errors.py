"""Errors as HTTP: one table from error classes to statuses, and RFC 9457 problem details.

A problem's ``code`` is the error's stable code and ``instance`` names this one occurrence, under which
the server's log has it too. 422 is kept for payloads that do not have the documented form; a
well-formed request that cannot be served as asked gets 400. Errors that Troika did not raise on
purpose become a bare 500: their text may hold what a client must not see.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match

from ingest.errors import (
    AdapterNotFoundError,
    AdapterRejectedError,
    AnswerNotFoundError,
    ClusterError,
    CollectionBusyError,
    CollectionNotFoundError,
    DatabaseError,
    DocumentNotDrawableError,
    DocumentNotFoundError,
    DocumentNotUploadedError,
    EntailmentError,
    ForbiddenError,
    GeneratorError,
    GeneratorRefusedError,
    IdempotencyKeyError,
    IncompatibleSnapshotError,
    IssuerError,
    JobNotFoundError,
    KeyNotFoundError,
    MissingExtraError,
    ModelNotFoundError,
    OverloadedError,
    PageNotDrawnError,
    PageNotFoundError,
    ParseError,
    PipelineClosedError,
    PromotionRefusedError,
    QuestionTooLongError,
    ReleaseHistoryError,
    RerankerError,
    ServerError,
    SinkError,
    SnapshotCorruptError,
    SnapshotNotFoundError,
    SourceUnavailableError,
    StorageError,
    TroikaError,
    UnauthenticatedError,
    UnknownModelError,
    UnsupportedParameterError,
    UsageError,
)
from service.observe.request import CURRENT_REQUEST
from service.openai_api.errors import openai_error, openai_status, speaks_openai

_TYPES = frozenset(("str", "int", "float", "bool", "constrained-str", "constrained-int"))
_NO_NAME = re.compile(r"[\[(]")

logger = logging.getLogger(__name__)

PROBLEM_MEDIA_TYPE = "application/problem+json"

STATUS_OF: dict[type[TroikaError], HTTPStatus] = {
    UsageError: HTTPStatus.BAD_REQUEST,
    QuestionTooLongError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    CollectionNotFoundError: HTTPStatus.NOT_FOUND,
    SnapshotNotFoundError: HTTPStatus.NOT_FOUND,
    DocumentNotFoundError: HTTPStatus.NOT_FOUND,
    DocumentNotUploadedError: HTTPStatus.CONFLICT,
    DocumentNotDrawableError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    PageNotFoundError: HTTPStatus.NOT_FOUND,
    PageNotDrawnError: HTTPStatus.CONFLICT,
    SourceUnavailableError: HTTPStatus.CONFLICT,
    IdempotencyKeyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    JobNotFoundError: HTTPStatus.NOT_FOUND,
    AnswerNotFoundError: HTTPStatus.NOT_FOUND,
    AdapterNotFoundError: HTTPStatus.NOT_FOUND,
    UnknownModelError: HTTPStatus.NOT_FOUND,
    ParseError: HTTPStatus.BAD_REQUEST,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    OverloadedError: HTTPStatus.TOO_MANY_REQUESTS,
    CollectionBusyError: HTTPStatus.CONFLICT,
    ClusterError: HTTPStatus.SERVICE_UNAVAILABLE,
    KeyNotFoundError: HTTPStatus.NOT_FOUND,
    DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    IssuerError: HTTPStatus.SERVICE_UNAVAILABLE,
    PipelineClosedError: HTTPStatus.SERVICE_UNAVAILABLE,
    GeneratorError: HTTPStatus.SERVICE_UNAVAILABLE,
    GeneratorRefusedError: HTTPStatus.BAD_REQUEST,
    RerankerError: HTTPStatus.SERVICE_UNAVAILABLE,
    EntailmentError: HTTPStatus.SERVICE_UNAVAILABLE,
    ServerError: HTTPStatus.SERVICE_UNAVAILABLE,
    SinkError: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelNotFoundError: HTTPStatus.SERVICE_UNAVAILABLE,
    MissingExtraError: HTTPStatus.SERVICE_UNAVAILABLE,
    AdapterRejectedError: HTTPStatus.SERVICE_UNAVAILABLE,
    PromotionRefusedError: HTTPStatus.CONFLICT,
    ReleaseHistoryError: HTTPStatus.SERVICE_UNAVAILABLE,
    SnapshotCorruptError: HTTPStatus.SERVICE_UNAVAILABLE,
    IncompatibleSnapshotError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.INSUFFICIENT_STORAGE,
    TroikaError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_CODE_OF_STATUS = {
    HTTPStatus.NOT_FOUND: "route_not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
}


class Problem(BaseModel):
    """Problem details of RFC 9457, with Troika's stable ``code``."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str


def status_of(error: TroikaError) -> HTTPStatus:
    """The status of the nearest class in the table: an error without its own has its parent's."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def headers_of(error: TroikaError) -> dict[str, str]:
    """The header fields that go with an error: what to send (RFC 6750, section 3), or when to come again."""
    match error:
        case UnauthenticatedError():
            return {"www-authenticate": 'Bearer realm="troika"'}
        case ForbiddenError():
            return {"www-authenticate": 'Bearer realm="troika", error="insufficient_scope"'}
        case OverloadedError():
            return {"retry-after": str(error.retry_seconds)}
        case _:
            return {}


def problem(status: HTTPStatus, code: str, detail: str) -> Problem:
    """A problem that occurred now; the log's line of the request names it."""
    request = CURRENT_REQUEST.get()
    if request is not None:
        request.problem = code
    return Problem(
        type=f"urn:problem-type:troika:{code}",
        title=status.phrase,
        status=status,
        detail=detail,
        code=code,
        instance=f"urn:uuid:{uuid.uuid4()}",
    )


def problem_of(error: Exception) -> Problem:
    """``error`` as a client may see it; the log gets the same occurrence, with a traceback if unexpected."""
    if isinstance(error, TroikaError):
        found = problem(status_of(error), error.code, str(error))
        level = logging.ERROR if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
        # The detail of a client's error may quote what the client sent: the log names the code only.
        logger.log(level, "%s %s %s", found.status, found.code, found.instance)
        return found
    found = problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "The server failed unexpectedly; its log has the cause under this problem's instance.",
    )
    logger.error("500 internal_error %s", found.instance, exc_info=error)
    return found


def problem_response(
    found: Problem, headers: dict[str, str] | None = None, *, path: str = "", parameter: str | None = None
) -> JSONResponse:
    """``found`` as a response to a request of ``path``, in the form that its clients know.

    ``parameter`` is the one at fault; problem details name it in their text.
    """
    if speaks_openai(path):
        body = openai_error(found.status, found.code, found.detail, found.instance, parameter)
        return JSONResponse(body.model_dump(), openai_status(found.status), headers)
    return JSONResponse(
        found.model_dump(), status_code=found.status, headers=headers, media_type=PROBLEM_MEDIA_TYPE
    )


def install_error_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every error with problem details."""
    app.add_exception_handler(TroikaError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TroikaError)
    parameter = error.parameter if isinstance(error, UnsupportedParameterError) else None
    return problem_response(problem_of(error), headers_of(error), path=request.url.path, parameter=parameter)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = _most_telling(error.errors())
    where = _place(first["loc"])
    if first["type"] == "json_invalid":
        code = "json_invalid"
        cause = first["ctx"]["error"]
        detail = f"the body is not valid JSON ({cause}, at {where}): expected one JSON object; correct it."
    else:
        code = "request_invalid"
        detail = f"{where}: {first['msg']}; /docs describes what is expected."
    found = problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, detail)
    return problem_response(found, path=request.url.path, parameter=where.partition(".")[2] or None)


def _most_telling(errors: Sequence[Any]) -> Any:
    """Of what is wrong with a value that may have several types, what is wrong with it as the type it has."""
    same_field = [error for error in errors if _place(error["loc"]) == _place(errors[0]["loc"])]
    return next((error for error in same_field if not error["type"].endswith("_type")), errors[0])


def _place(parts: Sequence[str | int]) -> str:
    """Where in a request something is wrong; pydantic also names the types that it tried there."""
    names = map(str, parts)
    return ".".join(name for name in names if name not in _TYPES and not _NO_NAME.search(name))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = _CODE_OF_STATUS.get(status, "request_refused")
    detail = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}: /docs lists the routes.",
        HTTPStatus.METHOD_NOT_ALLOWED: (
            f"{request.method} is not allowed on {request.url.path}: /docs lists the methods of each route."
        ),
    }.get(status, error.detail)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(_methods_of_path(request))
    return problem_response(problem(status, code, detail), headers, path=request.url.path)


def _methods_of_path(request: Request) -> list[str]:
    """The methods of all routes of this path: the framework names those of the first alone."""
    routes = cast("list[BaseRoute]", request.app.routes)
    asked = {key: request.scope[key] for key in ("type", "path", "root_path")}
    served = {
        method
        for method in HTTPMethod
        if any(route.matches(asked | {"method": method})[0] is Match.FULL for route in routes)
    }
    if HTTPMethod.GET in served:
        served.add(HTTPMethod.HEAD)
    return [method for method in HTTPMethod if method in served]
