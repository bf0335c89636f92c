from __future__ import annotations

import httpx

from ingest.errors import GeneratorError, GeneratorRefusedError
from service.observe.failures import told_of


def test_of_a_failure_class_code_and_status_are_told_and_no_text() -> None:
    request = httpx.Request("POST", "http://model/v1")
    refused = GeneratorRefusedError("the model said: a secret")
    refused.__cause__ = httpx.HTTPStatusError(
        "a secret", request=request, response=httpx.Response(400, request=request)
    )
    assert told_of(refused) == "GeneratorRefusedError generator_refused < HTTPStatusError 400"


def test_what_caused_a_failure_is_told() -> None:
    failed = GeneratorError("a secret")
    failed.__cause__ = httpx.ConnectError("a secret")
    assert told_of(failed) == "GeneratorError generator_failed < ConnectError"
    assert told_of(TimeoutError()) == "TimeoutError"
