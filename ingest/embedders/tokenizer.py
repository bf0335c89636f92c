"""The tokenizer of an embedding model, for counting and for encoding."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from ingest.errors import ModelNotFoundError


class ModelTokenizer:
    """A ``tokenizer.json`` with neither truncation nor padding; offsets count code points."""

    def __init__(self, directory: Path) -> None:
        path = directory / "tokenizer.json"
        if not path.is_file():
            raise ModelNotFoundError(
                f"the model in {directory} has no tokenizer.json: use embedder.backend sentence-transformers."
            )
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def special_tokens(self) -> int:
        """Tokens added to every single input."""
        return self._tokenizer.num_special_tokens_to_add(False)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Half-open spans of the tokens of ``text``, without specials."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def count(self, text: str) -> int:
        """Number of tokens of ``text``, without specials."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: list[str], window: int) -> list[list[int]]:
        """Token ids with specials; inputs over ``window`` tokens lose their tail, never the final special."""
        encodings = self._tokenizer.encode_batch(texts)
        return [
            ids if len(ids) <= window else [*ids[: window - 1], ids[-1]] for ids in (e.ids for e in encodings)
        ]
