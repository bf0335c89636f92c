from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import pytest

from ingest import errors
from service.http_errors import problem, problem_of, problem_response
from service.openai_api.errors import speaks_openai


def body_of(path: str, error: Exception, parameter: str | None = None) -> tuple[int, dict[str, Any]]:
    response = problem_response(problem_of(error), path=path, parameter=parameter)
    return response.status_code, json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("/v1/chat/completions", "/v1/embeddings", "/v1/models", "/v1/models/troika"), True),
        (("/v1/query", "/v1/modelsish", "/v1", "/", "", "/v1/chat", "/x/v1/models"), False),
    ],
)
def test_only_the_paths_that_openais_clients_call_speak_their_form(
    paths: Sequence[str], expected: bool
) -> None:
    assert {speaks_openai(path) for path in paths} == {expected}


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "parameter"),
    [
        (errors.UnknownModelError("no"), 404, "invalid_request_error", "model_not_found", "model"),
        (errors.AdapterNotFoundError("no"), 404, "invalid_request_error", "model_not_found", "model"),
        (errors.ModelNotFoundError("no"), 503, "server_error", "model_unavailable", "model"),
        (errors.QuestionTooLongError("no"), 413, "invalid_request_error", "question_too_long", "messages"),
        (errors.InputTooLongError("no"), 400, "invalid_request_error", "context_length_exceeded", "input"),
        (errors.UnauthenticatedError("no"), 401, "authentication_error", "invalid_api_key", None),
        (errors.ForbiddenError("no"), 403, "permission_error", "forbidden", None),
        (errors.OverloadedError("no"), 429, "rate_limit_error", "rate_limit_exceeded", None),
        (errors.GeneratorError("no"), 503, "server_error", "generator_failed", None),
        (ZeroDivisionError("secret"), 500, "server_error", "internal_error", None),
    ],
    ids=lambda value: value.code if isinstance(value, errors.TroikaError) else None,
)
def test_an_error_is_the_object_that_openais_clients_read(
    error: Exception, status: int, kind: str, code: str, parameter: str | None
) -> None:
    found, body = body_of("/v1/chat/completions", error)
    assert found == status
    told = body["error"]
    assert (told["type"], told["code"], told["param"]) == (kind, code, parameter)
    assert set(told) == {"message", "type", "param", "code", "instance"}
    assert "secret" not in json.dumps(body)


def test_elsewhere_an_error_stays_a_problem() -> None:
    status, body = body_of("/v1/query", errors.UnknownModelError("no"))
    assert (status, body["code"]) == (404, "model_unknown")


def test_a_malformed_request_is_a_bad_one_as_openai_has_it() -> None:
    malformed = problem(HTTPStatus.UNPROCESSABLE_ENTITY, "request_invalid", "body.messages: missing")
    response = problem_response(malformed, path="/v1/embeddings", parameter="input")
    assert response.status_code == 400
    assert json.loads(bytes(response.body))["error"]["param"] == "input"
    assert problem_response(malformed).status_code == 422
