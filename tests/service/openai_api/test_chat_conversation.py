from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.errors import (
    EmptyQuestionError,
    QuestionTooLongError,
    UnknownModelError,
    UnsupportedParameterError,
)
from ingest.settings import ServerSettings, Settings
from service.access.caller import ANYONE, Caller, Scope
from service.openai_api.chat_schemas import ChatRequest
from service.openai_api.conversation import Asked, read_chat
from service.question import SamplingWish

SETTINGS = Settings(collection="handbook", server=ServerSettings(max_question_characters=50))


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def read(*messages: dict[str, Any], caller: Caller = ANYONE, **parameters: Any) -> Asked:
    request = ChatRequest.model_validate({"messages": messages or (user("Why?"),)} | parameters)
    return read_chat(request, caller, SETTINGS)


def test_the_last_message_is_the_question_and_those_before_it_the_history() -> None:
    asked = read(user("What is LoRA?"), assistant("A method [1]."), user(" Who made it? "))
    assert asked.inquiry.question == "Who made it?"
    assert asked.inquiry.history == ("What is LoRA?", "A method [1].")
    assert asked.collection == "handbook"
    assert asked.release is None
    assert asked.warnings == ()


def test_parts_of_text_are_read_as_one_text() -> None:
    asked = read(user([{"type": "text", "text": "What is"}, {"type": "text", "text": "LoRA?"}]))
    assert asked.inquiry.question == "What is\nLoRA?"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_clients_instructions_are_not_read_and_the_answer_says_so(role: str) -> None:
    asked = read({"role": role, "content": "Answer without sources."}, user("Why?"))
    assert asked.inquiry.history == ()
    assert "sources" not in repr(asked.inquiry)
    assert asked.warnings == ("system_message_ignored",)


def test_a_long_conversation_keeps_its_first_turn_and_its_last() -> None:
    turns = [(user if number % 2 == 0 else assistant)(f"turn {number}") for number in range(400)]
    history = read(*turns, user("And then?")).inquiry.history
    assert len(history) == 100
    assert (history[0], history[1], history[-1]) == ("turn 0", "turn 301", "turn 399")


def test_turns_without_text_are_left_out() -> None:
    assert read(user("Hm?"), assistant(None), assistant(" "), user("Why?")).inquiry.history == ("Hm?",)


@pytest.mark.parametrize(
    ("model", "release", "collection"),
    [
        ("troika", None, "handbook"),
        ("troika:law", None, "law"),
        ("base", "base", "handbook"),
        ("support@1a2b3c4d", "support@1a2b3c4d", "handbook"),
        ("support@1a2b3c4d:law", "support@1a2b3c4d", "law"),
    ],
)
def test_a_models_name_tells_the_release_and_the_collection(
    model: str, release: str | None, collection: str
) -> None:
    asked = read(model=model)
    assert (asked.release, asked.collection) == (release, collection)


def test_a_collection_may_be_named_beside_the_model() -> None:
    assert read(collection="law").collection == "law"
    assert read(model="troika:tax", collection="law").collection == "tax"


@pytest.mark.parametrize("model", ["", ":law", "troika:"])
def test_half_a_models_name_is_none(model: str) -> None:
    with pytest.raises(UnknownModelError):
        read(model=model)


def test_who_asks_and_what_they_may_see_goes_along() -> None:
    caller = Caller("ann", frozenset({Scope.QUERY}), frozenset({"hr"}))
    inquiry = read(caller=caller, passages=7, cache=False, filter={"language": "en"}).inquiry
    assert (inquiry.asker, inquiry.groups) == ("ann", frozenset({"hr"}))
    assert (inquiry.passages, inquiry.cache, bool(inquiry.wanted)) == (7, False, True)


def test_without_a_wish_the_settings_hold() -> None:
    assert read().inquiry.sampling is None
    assert read(temperature=None, stop=None, response_format={"type": "text"}).inquiry.sampling is None


def test_wishes_go_along() -> None:
    asked = read(max_tokens=9, temperature=0.5, top_p=0.9, seed=-1, stop="END")
    assert asked.inquiry.sampling == SamplingWish(
        max_tokens=9, temperature=0.5, top_p=0.9, seed=-1, stop=("END",)
    )
    wish = read(max_tokens=9, max_completion_tokens=5, stop=["a", "b"]).inquiry.sampling
    assert wish == SamplingWish(max_tokens=5, stop=("a", "b"))


def test_a_schema_goes_along_as_json() -> None:
    schema = {"type": "object", "properties": {"rank": {"type": "integer"}}}
    asked = read(response_format={"type": "json_schema", "json_schema": {"name": "r", "schema": schema}})
    assert json.loads(asked.inquiry.json_schema or "") == schema
    asked = read(response_format={"type": "json_object"})
    assert json.loads(asked.inquiry.json_schema or "") == {"type": "object"}
    huge = {"name": "r", "schema": {"description": "x" * 30_000}}
    with pytest.raises(UnsupportedParameterError, match="characters"):
        read(response_format={"type": "json_schema", "json_schema": huge})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("tools", [{"type": "function"}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -1),
        ("logit_bias", {"5": 1}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
    ],
)
def test_what_is_not_done_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedParameterError, match=name) as caught:
        read(**{name: value})
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("tools", []),
        ("logprobs", False),
        ("frequency_penalty", 0.0),
        ("user", "ann"),
        ("metadata", {"a": "b"}),
        ("store", False),
        ("service_tier", "auto"),
        ("parallel_tool_calls", True),
    ],
)
def test_what_asks_for_nothing_is_passed_over(name: str, value: Any) -> None:
    assert read(**{name: value}) == read()


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (user([{"type": "image_url", "image_url": {"url": "data:"}}]), "messages.0.content.0"),
        ({"role": "tool", "content": "4", "tool_call_id": "1"}, "messages.0"),
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, "messages.0"),
    ],
)
def test_images_and_tools_are_refused_where_they_stand(message: dict[str, Any], place: str) -> None:
    with pytest.raises(UnsupportedParameterError) as caught:
        read(message, user("Why?"))
    assert caught.value.parameter == place


@pytest.mark.parametrize("messages", [(assistant("Because"),), ({"role": "system", "content": "x"},)])
def test_a_conversation_ends_with_a_question(messages: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(UnsupportedParameterError, match="last message"):
        read(*messages)


def test_a_question_is_checked_like_any_other() -> None:
    with pytest.raises(EmptyQuestionError):
        read(user(" "))
    with pytest.raises(QuestionTooLongError):
        read(user("x" * 51))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="NaN"),
        pytest.param(float("-inf"), id="Infinity"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param({"\udc00": 1}, id="half a surrogate pair as a key"),
        pytest.param(10**5000, id="a number that is too large"),
    ],
)
def test_a_schema_that_is_no_json_is_refused(value: Any) -> None:
    schema = {"name": "r", "schema": {"properties": {"rank": {"const": value}}}}
    with pytest.raises(UnsupportedParameterError, match="what JSON cannot") as caught:
        read(response_format={"type": "json_schema", "json_schema": schema})
    assert caught.value.parameter == "response_format"
