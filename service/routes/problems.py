"""The errors of the routes, as OpenAPI describes them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from service.http_errors import PROBLEM_MEDIA_TYPE, Problem

_STATUSES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)

_SCHEMA = Problem.model_json_schema()

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status.value: {"description": status.phrase, "content": {PROBLEM_MEDIA_TYPE: {"schema": _SCHEMA}}}
    for status in _STATUSES
}
