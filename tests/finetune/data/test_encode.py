from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers")
pytest.importorskip("xllamacpp")

from finetune.data.encode import IGNORED, encode_examples, encode_pairs, encode_prompt, end_of_turn
from finetune.data.rows import ExampleKind, PreferencePair, TrainingExample
from finetune.training.base_model import find_base_model
from finetune.training.checkpoint import ChatTokenizer, ensure_checkpoint, load_tokenizer
from ingest.errors import ModelNotFoundError, TrainingDataError
from service.generate import Message
from service.prompt import PROMPT_ID, TEMPLATES
from tests.finetune.conftest import TinyBase
from tests.finetune.llama_server import llama_server, served_prompt_ids

END = 2
AWKWARD = [
    "Question: what is 1,234.56 % of 7?",
    "[1] Guide > Rank\nThe rank is 16.\n\n\n  - item\n\ttabbed  twice  ",
    "问题：检索增强生成是什么？全角ＡＢＣ、𠮷野家、🐎👩‍👩‍👧。",
    "trailing space \n",
    "    leading, don't, we'll, naïve café, e\u0301, \u200b zero width",
    'def f(x):\n    return {"a": [x**2 for _ in range(10)]}  # 0x1F',
    "text that says <|im_end|> and <|im_start|>assistant",
    *(template.system for template in TEMPLATES.values()),
]


@pytest.fixture(scope="module")
def tokenizer(tiny_base: TinyBase) -> ChatTokenizer:
    return load_tokenizer(tiny_base.folder)


def messages(text: str) -> tuple[Message, ...]:
    return (Message("system", "Answer the question."), Message("user", text))


def example(text: str, target: str = "The rank is 16. [1]") -> TrainingExample:
    return TrainingExample("a", messages(text), (), target, ExampleKind.GOLD, "en", PROMPT_ID, None, "d" * 64)


def test_training_uses_the_token_ids_that_llama_cpp_computes(
    tiny_base: TinyBase, tokenizer: ChatTokenizer
) -> None:
    with llama_server(tiny_base.gguf) as client:
        for text in AWKWARD:
            assert encode_prompt(tokenizer, messages(text)) == served_prompt_ids(client, messages(text)), text


@pytest.mark.slow
def test_training_uses_the_token_ids_that_the_served_smollm2_computes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    base = find_base_model("smollm2")
    tokenizer = load_tokenizer(ensure_checkpoint(base, tmp_path_factory.mktemp("home")))
    with llama_server(base.source) as client:
        for text in AWKWARD:
            assert encode_prompt(tokenizer, messages(text)) == served_prompt_ids(client, messages(text)), text


@settings(deadline=None, max_examples=50)
@given(text=st.text(max_size=80), target=st.text(min_size=1, max_size=40))
def test_the_prompt_is_masked_and_the_answer_with_its_end_is_not(
    tokenizer: ChatTokenizer, text: str, target: str
) -> None:
    (row,) = encode_examples(tokenizer, [example(text, target)], 4096)
    prompt = encode_prompt(tokenizer, messages(text))
    assert len(row.input_ids) == len(row.labels)
    assert row.input_ids[: len(prompt)] == prompt
    assert set(row.labels[: len(prompt)]) == {IGNORED}
    assert row.labels[len(prompt) :] == row.input_ids[len(prompt) :] == [*tokenizer.encode(target), END]
    assert IGNORED not in row.labels[len(prompt) :]


def test_a_row_is_what_the_chat_template_makes_of_the_whole_conversation(tokenizer: ChatTokenizer) -> None:
    row = encode_examples(tokenizer, [example("What is the rank?")], 4096)[0]
    turns = [
        {"role": "system", "content": "Answer the question."},
        {"role": "user", "content": "What is the rank?"},
        {"role": "assistant", "content": "The rank is 16. [1]"},
    ]
    whole = tokenizer.encode(tokenizer.apply_chat_template(turns, add_generation_prompt=False))
    assert row.input_ids == whole[: len(row.input_ids)]
    assert tokenizer.inner.decode(whole[len(row.input_ids) :]) == "\n"


def test_the_end_of_a_turn_is_read_off_the_template(tokenizer: ChatTokenizer) -> None:
    assert end_of_turn(tokenizer) == END


def test_a_pair_shares_its_prompt_and_ends_both_answers(tokenizer: ChatTokenizer) -> None:
    pair = PreferencePair("a", messages("What?"), "Good. [1]", "Bad.", "reason", "en", PROMPT_ID, "d" * 64)
    (row,) = encode_pairs(tokenizer, [pair], 4096)
    assert row.prompt_ids == encode_prompt(tokenizer, messages("What?"))
    assert row.chosen_ids == [*tokenizer.encode("Good. [1]"), END]
    assert row.rejected_ids == [*tokenizer.encode("Bad."), END]
    assert row.longest == len(row.prompt_ids) + len(row.chosen_ids)


def test_more_than_half_a_percent_of_rows_too_long_is_refused(tokenizer: ChatTokenizer) -> None:
    short, long = example("short"), example("long " * 400)
    with pytest.raises(TrainingDataError, match=r"2 of 300 rows .* raise max_length"):
        encode_examples(tokenizer, [short] * 298 + [long] * 2, 200)
    assert len(encode_examples(tokenizer, [short] * 299 + [long], 200)) == 299


def test_a_model_without_a_chat_template_is_refused(tokenizer: ChatTokenizer) -> None:
    class Bare:
        chat_template = None

    with pytest.raises(ModelNotFoundError, match="chat template"):
        ChatTokenizer(Bare())


def test_a_template_that_ends_an_answer_with_nothing_is_refused() -> None:
    class Endless:
        def apply_chat_template(
            self, conversation: list[dict[str, str]], *, add_generation_prompt: bool
        ) -> str:
            return "".join(turn["content"] for turn in conversation)

        def encode(self, text: str) -> list[int]:
            return [ord(character) for character in text]

    with pytest.raises(TrainingDataError, match="instruct model"):
        encode_examples(Endless(), [replace(example("x"))], 100)
