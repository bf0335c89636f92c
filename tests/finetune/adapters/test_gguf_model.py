from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("xllamacpp")

from finetune.adapters.forms import GgufForm
from finetune.adapters.gguf_model import write_gguf_model
from finetune.data.encode import encode_prompt
from finetune.training.checkpoint import load_tokenizer
from ingest.errors import AdapterRejectedError, UsageError
from service.generate import Message
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import change_json
from tests.finetune.llama_server import llama_server, served_prompt_ids

MESSAGES = (
    Message("system", "Answer the question, using only the numbered sources."),
    Message("user", "[1] Rank 16\nThe rank is 2026. 秩是十六。\n\nQuestion:  which\trank?"),
)


@pytest.fixture
def folder(tiny_base: TinyBase, tmp_path: Path) -> Path:
    """The tiny model's folder, to be changed."""
    copied = tmp_path / "model"
    copied.mkdir()
    for path in tiny_base.folder.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    return copied


@pytest.mark.parametrize("with_header", [True, False])
def test_in_float32_every_tensor_is_again_what_the_model_was_unpacked_from(
    tiny_base: TinyBase, tmp_path: Path, with_header: bool
) -> None:
    target = tmp_path / "written.gguf"
    header = tiny_base.gguf if with_header else None
    write_gguf_model(tiny_base.folder, target, GgufForm.FLOAT32, header)
    original = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tiny_base.gguf).tensors}
    written = {tensor.name: tensor.data for tensor in gguf.GGUFReader(target).tensors}
    assert set(written) == set(original)
    for name, data in written.items():
        np.testing.assert_array_equal(data, original[name], err_msg=name)
    with llama_server(target) as client:
        expected = encode_prompt(load_tokenizer(tiny_base.folder), MESSAGES)
        assert served_prompt_ids(client, MESSAGES) == expected


@pytest.mark.parametrize(("form", "error"), [(GgufForm.FLOAT16, 2.0**-11), (GgufForm.Q8_0, 2.0**-7)])
def test_rounded_forms_keep_vectors_and_come_close(
    tiny_base: TinyBase, tmp_path: Path, form: GgufForm, error: float
) -> None:
    target = tmp_path / "written.gguf"
    write_gguf_model(tiny_base.folder, target, form, tiny_base.gguf)
    original = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tiny_base.gguf).tensors}
    for tensor in gguf.GGUFReader(target).tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        largest = float(np.abs(original[tensor.name]).max())
        np.testing.assert_allclose(values, original[tensor.name], rtol=0, atol=error * largest)
        if "norm" in tensor.name:
            assert tensor.tensor_type is gguf.GGMLQuantizationType.F32


def test_digits_cut_one_by_one_are_told_to_llama_cpp(folder: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    cuts = [{"type": "Digits", "individual_digits": True}, tokenizer["pre_tokenizer"]]
    change_json(folder / "tokenizer.json", pre_tokenizer={"type": "Sequence", "pretokenizers": cuts})
    write_gguf_model(folder, tmp_path / "written.gguf", GgufForm.FLOAT16, None)
    field = gguf.GGUFReader(tmp_path / "written.gguf").get_field(gguf.Keys.Tokenizer.PRE)
    assert field is not None
    assert field.contents() == "smollm"


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        ("config.json", {"model_type": "gpt2"}, "gpt2"),
        ("config.json", {"attention_bias": True}, "biases"),
        ("config.json", {"rope_parameters": {"rope_type": "llama3"}}, "rotary"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "tokenizer"),
    ],
)
def test_what_cannot_be_written_as_gguf_here_is_refused_and_leaves_nothing(
    folder: Path, tmp_path: Path, file: str, change: dict[str, object], complaint: str
) -> None:
    change_json(folder / file, **change)
    with pytest.raises(AdapterRejectedError, match=complaint):
        write_gguf_model(folder, tmp_path / "written.gguf", GgufForm.FLOAT16, None)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_that_is_there_is_not_overwritten(tiny_base: TinyBase, tmp_path: Path) -> None:
    (tmp_path / "written.gguf").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_gguf_model(tiny_base.folder, tmp_path / "written.gguf", GgufForm.FLOAT16, None)
