"""The tokenizer of an embedding model, for counting and for encoding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tokenizers import Tokenizer

from ingest.embedders.word_tokens import WordCounter, cuts_at_words
from ingest.errors import ModelNotFoundError


class TokenizerCounter:
    """Counts the tokens of texts; offsets count code points."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._words = WordCounter(tokenizer) if cuts_at_words(tokenizer) else None
        unknown = cast("str | None", getattr(cast("Any", tokenizer).model, "unk_token", None))
        self._unknown = None if unknown is None else tokenizer.token_to_id(unknown)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Half-open spans of the tokens of ``text``, without specials."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def count(self, text: str) -> int:
        """Number of tokens of ``text``, without specials."""
        return self.counts([text])[0]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, without specials."""
        if self._words is not None:
            return self._words.counts(texts)
        # Without offsets, and with the interpreter's lock let go.
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def known_share(self, text: str) -> float:
        """The share of the tokens of ``text`` that are known; 1 where nothing is unknown to the model."""
        if self._unknown is None:
            return 1.0
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return 1.0 - ids.count(self._unknown) / len(ids) if ids else 1.0


class ModelTokenizer(TokenizerCounter):
    """A ``tokenizer.json`` with neither truncation nor padding."""

    def __init__(self, directory: Path) -> None:
        path = directory / "tokenizer.json"
        if not path.is_file():
            raise ModelNotFoundError(
                f"the model in {directory} has no tokenizer.json: use embedder.backend sentence-transformers."
            )
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        super().__init__(tokenizer)

    @property
    def special_tokens(self) -> int:
        """Tokens added to every single input."""
        return self._tokenizer.num_special_tokens_to_add(False)

    def encode_batch(self, texts: list[str], window: int) -> list[list[int]]:
        """Token ids with specials; inputs over ``window`` tokens lose their tail, never the final special."""
        encodings = self._tokenizer.encode_batch(texts)
        return [
            ids if len(ids) <= window else [*ids[: window - 1], ids[-1]] for ids in (e.ids for e in encodings)
        ]
