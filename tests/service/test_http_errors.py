from __future__ import annotations

import json
import logging

import pytest

from ingest import errors
from ingest.errors import TroikaError
from service.http_errors import STATUS_OF, problem_of, problem_response, status_of


def every_error(kind: type[TroikaError] = TroikaError) -> list[type[TroikaError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in every_error(child))]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.code)
def test_every_error_has_a_status_that_blames_the_right_side(kind: type[TroikaError]) -> None:
    status = status_of(kind("found, expected, remedy"))
    refusals = errors.ParseError | errors.CollectionBusyError | errors.PromotionRefusedError
    refusals |= errors.UnauthenticatedError | errors.ForbiddenError | errors.OverloadedError
    refusals |= errors.GeneratorRefusedError
    theirs = issubclass(kind, errors.UsageError | refusals)
    assert (400 <= status < 500) == theirs


def test_the_documented_statuses() -> None:
    expected = {
        errors.EmptyQuestionError: 400,
        errors.NoTermsError: 400,
        errors.CollectionNotFoundError: 404,
        errors.AnswerNotFoundError: 404,
        errors.QuestionTooLongError: 413,
        errors.GeneratorError: 503,
        errors.CollectionBusyError: 409,
    }
    assert {kind: int(status_of(kind(""))) for kind in expected} == expected
    assert all(issubclass(kind, TroikaError) for kind in STATUS_OF)


def test_problem_details_carry_code_and_message() -> None:
    response = problem_response(problem_of(errors.EmptyQuestionError("the question is empty.")))
    body = json.loads(bytes(response.body))
    assert response.media_type == "application/problem+json"
    assert body["status"] == response.status_code == 400
    assert body["type"] == "urn:problem-type:troika:question_empty"
    assert (body["title"], body["detail"], body["code"]) == (
        "Bad Request",
        "the question is empty.",
        "question_empty",
    )
    assert body["instance"].startswith("urn:uuid:")


def test_an_unexpected_error_tells_the_log_and_not_the_client(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = problem_of(RuntimeError("password is hunter2"))
    assert found.status == 500
    assert found.code == "internal_error"
    assert "hunter2" not in found.model_dump_json()
    assert found.instance in caplog.text
    assert "hunter2" in caplog.text


def test_a_clients_error_is_logged_without_what_the_client_wrote(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        problem_of(errors.NoTermsError("'secret question' holds no word"))
    assert "question_without_terms" in caplog.text
    assert "secret" not in caplog.text
