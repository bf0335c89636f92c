"""The OpenAI error object, in which the routes that OpenAI's clients call tell what went wrong.

Its form is that of OpenAI's API reference, "Error codes". The clients choose their exception by the status,
read ``message``, ``type``, ``param`` and ``code``, and pass over ``instance``, under which the log has it.
"""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, Field

_PATHS = ("/v1/chat/completions", "/v1/embeddings", "/v1/models")

_TYPE_OF_STATUS = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
_CODE_AND_PARAMETER = {
    "model_unknown": ("model_not_found", "model"),
    "adapter_not_found": ("model_not_found", "model"),
    "model_not_found": ("model_unavailable", "model"),
    "collection_not_found": ("collection_not_found", "collection"),
    "collection_name_invalid": ("collection_name_invalid", "collection"),
    "filter_invalid": ("filter_invalid", "filter"),
    "question_empty": ("question_empty", "messages"),
    "question_too_long": ("question_too_long", "messages"),
    "question_without_terms": ("question_without_terms", "messages"),
    "input_too_long": ("context_length_exceeded", "input"),
    "parameter_unsupported": ("unsupported_parameter", None),
    "unauthenticated": ("invalid_api_key", None),
    "overloaded": ("rate_limit_exceeded", None),
    "rate_exceeded": ("rate_limit_exceeded", None),
    "quota_exceeded": ("insufficient_quota", None),
}
"""By Troika's own code: what OpenAI calls the same, and the parameter that is at fault.

Troika's ``model_not_found`` is about a file on the server, OpenAI's about the name that was asked for.
"""


class OpenAiError(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None = Field(description="the parameter that is at fault")
    code: str
    instance: str = Field(description="names this occurrence in the server's log")


class OpenAiErrorBody(BaseModel):
    """An error as OpenAI's clients read it."""

    error: OpenAiError


def speaks_openai(path: str) -> bool:
    """Whether what is asked of ``path`` is answered in OpenAI's forms, errors too."""
    return any(path == known or path.startswith(f"{known}/") for known in _PATHS)


def openai_status(status: int) -> HTTPStatus:
    """The status that OpenAI's API gives in place of ``status``: a malformed request is any bad request."""
    return HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else HTTPStatus(status)


def openai_error(
    status: int, code: str, message: str, instance: str, parameter: str | None = None
) -> OpenAiErrorBody:
    """The error object of a problem; see ``service.http_errors.Problem`` for the values."""
    named, usual = _CODE_AND_PARAMETER.get(code, (code, None))
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "server_error" if is_ours else _TYPE_OF_STATUS.get(HTTPStatus(status), "invalid_request_error")
    return OpenAiErrorBody(
        error=OpenAiError(message=message, type=kind, param=parameter or usual, code=named, instance=instance)
    )
