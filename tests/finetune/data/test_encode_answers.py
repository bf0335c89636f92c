from __future__ import annotations

import pytest

pytest.importorskip("transformers")

from finetune.data.encode import encode_judged, encode_prompt, encode_rankings
from finetune.training.checkpoint import load_tokenizer
from ingest.errors import TrainingDataError
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import judged, messages, rankings

END = 2


def test_answers_follow_the_served_prompt_and_end_with_the_end_of_the_turn(tiny_base: TinyBase) -> None:
    tokenizer = load_tokenizer(tiny_base.folder)
    prompt = encode_prompt(tokenizer, messages(0))
    (ranking,) = encode_rankings(tokenizer, rankings(1), 512)
    assert ranking.prompt_ids == prompt
    assert ranking.ranks == [0, 1, 2, 3]
    assert ranking.answers_ids[3] == [*tokenizer.encode("I don't know."), END]
    good, bad = encode_judged(tokenizer, judged(2, 1), 512)
    assert (good.prompt_ids, good.good, bad.good) == (prompt, True, False)
    assert good.answer_ids == [*tokenizer.encode("The rank is 0. [1]"), END] == ranking.answers_ids[0]


def test_a_ranking_is_as_long_as_its_longest_answer(tiny_base: TinyBase) -> None:
    tokenizer = load_tokenizer(tiny_base.folder)
    (ranking,) = encode_rankings(tokenizer, rankings(1), 512)
    assert ranking.longest == len(ranking.prompt_ids) + max(map(len, ranking.answers_ids))
    assert encode_rankings(tokenizer, rankings(1), ranking.longest) == [ranking]
    with pytest.raises(TrainingDataError, match=f"raise max_length to {ranking.longest}"):
        encode_rankings(tokenizer, rankings(1), ranking.longest - 1)
    with pytest.raises(TrainingDataError, match="raise max_length"):
        encode_judged(tokenizer, judged(1, 1), 16)
