"""A packed batch gives what its rows give alone, whatever their lengths and however they share prompts."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("trl")

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trl.trainer.utils import add_fused_lm_head

from finetune.data.encode import IGNORED
from finetune.training.checkpoint import load_model
from finetune.training.packed_attention import attend
from finetune.training.packing import PackedRows, pack_batches, pack_labels, pack_rows
from ingest.errors import SettingsError
from tests.finetune.conftest import TinyBase

ROUNDING = 1e-4
OUTPUTS = ("log_probs", "entropy", "mean_logits", "is_top1")
Row = tuple[list[int], list[int]]
"""A prompt and its answer."""


@pytest.fixture(scope="module")
def models(tiny_base: TinyBase) -> tuple[Any, Any]:
    """The same weights twice: as TRL runs them, and packed."""
    plain, packed = load_model(tiny_base.folder), load_model(tiny_base.folder)
    for model in (plain, packed):
        add_fused_lm_head(cast("Any", model), outputs=OUTPUTS)
    pack_batches(packed, 512, uncounted)
    return plain.eval(), packed.eval()


def padded(rows: Sequence[Row], left: bool = False) -> dict[str, torch.Tensor]:
    """The batch that TRL makes of ``rows``; GRPO pads on the left."""
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    columns: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
    for prompt, answer in rows:
        gap = longest - len(prompt) - len(answer)
        before, after = (gap, 0) if left else (0, gap)
        columns["input_ids"].append([0] * before + prompt + answer + [0] * after)
        columns["attention_mask"].append([0] * before + [1] * (longest - gap) + [0] * after)
        columns["labels"].append([IGNORED] * (before + len(prompt)) + answer + [IGNORED] * after)
    return {name: torch.tensor(values) for name, values in columns.items()}


def uncounted(_: int) -> None:
    pass


def laid_out(rows: Sequence[Row]) -> PackedRows:
    batch = padded(rows)
    return pack_rows(batch["input_ids"], batch["attention_mask"])


def learned_places(rows: Sequence[Row]) -> list[int]:
    """The positions of packed rows that predict their answers."""
    batch = padded(rows)
    return pack_labels(laid_out(rows), batch["attention_mask"], batch["labels"]).sources.tolist()


tokens = st.integers(3, 319)
prompts = st.lists(tokens, min_size=1, max_size=40)
answers = st.lists(tokens, min_size=0, max_size=12)


@st.composite
def batches(draw: st.DrawFn) -> list[Row]:
    """Rows of any lengths, some of which share their prompts; one at least has an answer."""
    shared = draw(st.lists(prompts, min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(st.sampled_from(shared), answers), min_size=1, max_size=6))
    return [*rows, (shared[0], draw(st.lists(tokens, min_size=1, max_size=5)))]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=batches(), left=st.booleans())
def test_a_packed_batch_scores_as_its_rows_do_alone(
    models: tuple[Any, Any], rows: list[Row], left: bool
) -> None:
    plain, packed = models
    batch = padded(rows, left)
    with torch.no_grad():
        found = packed(**batch, fused_lm_head=True)
        for number, row in enumerate(rows):
            alone = plain(**padded([row]), fused_lm_head=True)
            scored = batch["labels"][number, 1:] != IGNORED
            for name in OUTPUTS[:3]:
                expected = getattr(alone, name)[0][alone.label_mask[0]]
                assert getattr(found, name)[number][scored] == pytest.approx(expected, abs=ROUNDING)
            assert torch.equal(found.is_top1[number][scored], alone.is_top1[0][alone.label_mask[0]])
            assert not found.log_probs[number][~scored].any()


def test_all_logits_of_packed_rows_are_those_of_the_rows_alone(models: tuple[Any, Any]) -> None:
    plain, packed = models
    chance = torch.Generator().manual_seed(0)
    rows = [torch.randint(3, 320, (length,), generator=chance).tolist() for length in (7, 31, 1, 18)]
    batch = laid_out([(row, []) for row in rows])
    with torch.no_grad():
        hidden = packed.base_model(
            batch.input_ids, position_ids=batch.position_ids, spans=batch.spans
        ).last_hidden_state
        logits = packed.lm_head(hidden)[0]
        alone = torch.cat([plain(torch.tensor([row])).logits[0] for row in rows])
    assert float((logits - alone).abs().max()) < ROUNDING
    assert torch.equal(logits.argmax(-1), alone.argmax(-1))


def test_the_loss_and_its_gradient_are_those_of_the_padded_batch(tiny_base: TinyBase) -> None:
    rows: list[Row] = [([5, 6, 7, 8], [9, 10]), ([11], [12, 13, 14]), ([5, 6, 7, 8], [15])]
    found: list[tuple[float, torch.Tensor]] = []
    counted: list[int] = []
    for is_packed in (False, True):
        model: Any = load_model(tiny_base.folder)
        add_fused_lm_head(model)
        if is_packed:
            pack_batches(model, 512, counted.append)
        loss = model(**padded(rows), fused_lm_head=True).loss
        loss.backward()
        gradients = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
        found.append((loss.item(), torch.cat(gradients)))
    (plain, plain_gradient), (packed, packed_gradient) = found
    assert counted == [11]  # four tokens of the prompt that two rows share count once
    assert packed == pytest.approx(plain, abs=1e-5)
    assert float((packed_gradient - plain_gradient).abs().max()) < ROUNDING


def test_a_shared_prompt_is_run_once() -> None:
    prompt = list(range(10, 40))
    rows = [(prompt, [50, 51]), ([7, 8], [9]), (prompt, [60, 61, 62])]
    batch = laid_out(rows)
    assert batch.input_ids.tolist() == [[*prompt, 50, 51, 7, 8, 9, 60, 61, 62]]
    assert batch.position_ids.tolist() == [[*range(32), 0, 1, 2, 30, 31, 32]]
    assert batch.spans.queries == (32, 3, 3)
    assert batch.spans.keys == (32, 3, 33)
    assert learned_places(rows) == [29, 30, 33, 29, 35, 36]


def test_what_different_questions_begin_with_is_run_once() -> None:
    system = list(range(10, 20))
    rows = [([*system, 30, 31], [40]), ([*system, 32], [41])]
    batch = laid_out(rows)
    assert batch.input_ids.tolist() == [[*system, 30, 31, 40, 32, 41]]
    assert batch.position_ids.tolist() == [[*range(13), 10, 11]]
    assert batch.spans.keys == (13, 12)
    assert learned_places(rows) == [11, 13]


def test_a_row_is_shared_with_the_one_that_has_most_of_its_beginning() -> None:
    batch = laid_out([([5, 6, 7], [8]), ([5, 6, 1, 2], [3]), ([5, 6, 1, 2], [4])])
    assert batch.input_ids.tolist() == [[5, 6, 7, 8, 1, 2, 3, 4]]
    assert batch.spans.key_rows is not None
    assert batch.spans.key_rows.tolist() == [0, 1, 2, 3, 0, 1, 4, 5, 6, 0, 1, 4, 5, 7]


def test_a_few_equal_tokens_are_not_worth_sharing() -> None:
    rows: list[Row] = [([1, *range(10, 30)], [5]), ([1, *range(40, 60)], [6])]
    assert laid_out(rows).spans.key_rows is None


def test_rows_without_a_common_prompt_need_no_copy_of_their_keys() -> None:
    assert laid_out([([5], [6]), ([7], [8])]).spans.key_rows is None


def test_without_the_mark_of_a_packed_batch_the_model_runs_as_ever(models: tuple[Any, Any]) -> None:
    plain, packed = models
    batch = padded([([5, 6, 7], [8]), ([9], [])], left=True)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    settings = {"max_new_tokens": 6, "do_sample": False}
    with torch.no_grad():
        assert torch.equal(packed(**inputs).logits[0], plain(**inputs).logits[0])
        assert torch.equal(packed.generate(**inputs, **settings), plain.generate(**inputs, **settings))


@pytest.mark.parametrize(
    "change",
    [
        {"layer_types": ["full_attention", "linear_attention"]},
        {"sliding_window": 128},
        {"attn_logit_softcapping": 50.0},
    ],
)
def test_a_model_that_attends_in_another_way_is_refused(
    tiny_base: TinyBase, change: dict[str, object]
) -> None:
    model: Any = load_model(tiny_base.folder)
    for name, value in change.items():
        setattr(model.config, name, value)
    with pytest.raises(SettingsError, match=r"train\.packing=false"):
        pack_batches(model, 512, uncounted)


def test_a_model_whose_attention_cannot_be_exchanged_is_refused(tiny_base: TinyBase) -> None:
    model: Any = load_model(tiny_base.folder)
    model.set_attn_implementation = lambda _: None
    with pytest.raises(SettingsError, match=r"train\.packing=false"):
        pack_batches(model, 512, uncounted)


def test_attention_needs_no_span_for_a_batch_that_is_not_packed() -> None:
    query, key = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 5, 8)
    module = SimpleNamespace(num_key_value_groups=2, is_causal=True)
    output, weights = attend(module, query, key, key, None, scaling=1.0, dropout=0.0)
    assert output.shape == (2, 5, 4, 8)
    assert weights is None
