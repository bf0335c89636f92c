from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("peft")
pytest.importorskip("xllamacpp")

import gguf
import httpx
import torch
from peft import PeftModel

from finetune.adapters.gguf_adapter import gguf_tensors, write_gguf_adapter
from finetune.adapters.llama_layout import LlamaLayout, permute_rows
from finetune.training.checkpoint import load_model
from ingest.errors import AdapterRejectedError
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import tiny_run
from tests.finetune.llama_server import llama_server

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

PROMPT = [1, 40, 77, 91, 130, 55, 201, 12, 90, 33]
LENGTH = 12


@pytest.fixture(scope="module")
def adapter(tiny_base: TinyBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random adapter of every linear layer, in both forms."""
    folder = tmp_path_factory.mktemp("runs") / "sft-1"
    tiny_run(tiny_base.home, tiny_base.gguf, folder)
    write_gguf_adapter(folder, tiny_base.folder, folder / "adapter.gguf")
    return folder


def completion(client: httpx.Client) -> tuple[list[int], dict[int, float]]:
    """The tokens, and the log-probabilities of those that end a character (llama.cpp tells no others)."""
    body = {"prompt": PROMPT, "n_predict": LENGTH, "temperature": 0, "n_probs": 1, "ignore_eos": True}
    answer = client.post("/completion", json={**body, "return_tokens": True}).raise_for_status().json()
    return answer["tokens"], {step["id"]: step["logprob"] for step in answer["completion_probabilities"]}


def greedy(model: Any, banned: int) -> tuple[list[int], dict[int, float]]:
    ids: list[int] = list(PROMPT)
    logprobs: dict[int, float] = {}
    for _ in range(LENGTH):
        with torch.no_grad():
            scores = model(torch.tensor([ids])).logits[0, -1]
        logprob = scores.log_softmax(-1)
        scores[banned] = float("-inf")
        chosen = int(scores.argmax())
        logprobs[chosen] = float(logprob[chosen])
        ids.append(chosen)
    return ids[len(PROMPT) :], logprobs


def test_llama_cpp_writes_the_same_tokens_as_transformers_with_and_without_the_adapter(
    tiny_base: TinyBase, adapter: Path
) -> None:
    model = load_model(tiny_base.folder).eval()
    base_tokens, base_logprobs = greedy(model, banned=2)
    adapted = cast("Any", PeftModel).from_pretrained(model, adapter).eval()
    adapted_tokens, adapted_logprobs = greedy(adapted, banned=2)

    with llama_server(tiny_base.gguf, None) as client:
        tokens, logprobs = completion(client)
    assert tokens == base_tokens
    assert logprobs == pytest.approx({token: base_logprobs[token] for token in logprobs}, abs=1e-2)

    with llama_server(tiny_base.gguf, adapter / "adapter.gguf") as client:
        tokens, logprobs = completion(client)
    assert tokens == adapted_tokens
    assert logprobs == pytest.approx({token: adapted_logprobs[token] for token in logprobs}, abs=1e-2)
    assert adapted_tokens != base_tokens


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 6))
def test_permuting_rows_moves_each_half_of_a_head_into_the_even_and_odd_rows(
    heads: int, half: int, columns: int
) -> None:
    matrix = np.arange(heads * 2 * half * columns, dtype=np.float32).reshape(-1, columns)
    permuted = permute_rows(matrix, heads)
    for head in range(heads):
        rows = slice(head * 2 * half, (head + 1) * 2 * half)
        np.testing.assert_array_equal(permuted[rows][0::2], matrix[rows][:half])
        np.testing.assert_array_equal(permuted[rows][1::2], matrix[rows][half:])


def test_tensors_get_the_names_of_llama_cpp_and_only_b_of_query_and_key_is_permuted() -> None:
    prefix = "base_model.model.model.layers.7."
    tensors = {
        f"{prefix}self_attn.k_proj.lora_A.weight": np.random.rand(2, 8).astype(np.float32),
        f"{prefix}self_attn.k_proj.lora_B.weight": np.random.rand(4, 2).astype(np.float32),
        f"{prefix}mlp.down_proj.lora_B.weight": np.random.rand(8, 2).astype(np.float32),
    }
    written = gguf_tensors(tensors, LlamaLayout(heads=2, key_heads=1))
    assert set(written) == {
        "blk.7.attn_k.weight.lora_a",
        "blk.7.attn_k.weight.lora_b",
        "blk.7.ffn_down.weight.lora_b",
    }
    k_a, k_b, down_b = (tensors[key] for key in tensors)
    np.testing.assert_array_equal(written["blk.7.attn_k.weight.lora_a"], k_a)
    np.testing.assert_array_equal(written["blk.7.attn_k.weight.lora_b"], k_b[[0, 2, 1, 3]])
    np.testing.assert_array_equal(written["blk.7.ffn_down.weight.lora_b"], down_b)


def test_a_rank_stabilised_adapter_is_scaled_as_in_training(tiny_base: TinyBase, tmp_path: Path) -> None:
    tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "run", use_rslora=True)
    write_gguf_adapter(tmp_path / "run", tiny_base.folder, tmp_path / "adapter.gguf")
    field = gguf.GGUFReader(tmp_path / "adapter.gguf").get_field(gguf.Keys.Adapter.LORA_ALPHA)
    assert field is not None
    assert field.contents() / 4 == 8 / 2  # llama.cpp divides by the rank, training by its root


def test_layers_that_llama_cpp_cannot_adapt_are_refused(adapter: Path) -> None:
    key = "base_model.model.lm_head.lora_A.weight"
    with pytest.raises(AdapterRejectedError, match="lm_head"):
        gguf_tensors({key: np.zeros((2, 2), np.float32)}, LlamaLayout(2, 1))


def test_a_base_of_another_architecture_is_refused(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(AdapterRejectedError, match="gpt2"):
        write_gguf_adapter(adapter, tmp_path, tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()
