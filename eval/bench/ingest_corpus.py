"""Corpora to ingest, made up: English words in their usual frequencies, in sentences that say nothing.

The words are the embedder's own vocabulary, whose order is roughly that of how common they are; the nth is
drawn with a weight of 1 / (n + 2.7) (Zipf 1949, Mandelbrot 1953). The same seed makes the same corpus.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ingest.embed import EmbedderSpec
from ingest.embedders.model_files import local_model_directory

PDF_PAGES = 20
"""Pages of each PDF."""

_FIRST_WORD_OFFSET = 2.7
_NUMBER_EVERY = 31
_SENTENCE_WORDS = (8, 22)
_LINES_OF_PAGE = 46
_WORDS_OF_LINE = 12
_A_DAY_NS = 86_400 * 10**9


class Prose:
    """Makes sentences; each call goes on where the last one ended."""

    def __init__(self, words: Sequence[str], seed: int) -> None:
        self._words = np.asarray(words)
        weights = 1.0 / (np.arange(len(words)) + _FIRST_WORD_OFFSET)
        self._cumulated = np.cumsum(weights / weights.sum())
        self._random = np.random.default_rng(seed)

    def words(self, count: int) -> list[str]:
        """``count`` words, with capitals, full stops and a number now and then."""
        drawn = np.searchsorted(self._cumulated, self._random.random(count), side="right")
        found: list[str] = self._words[np.minimum(drawn, len(self._words) - 1)].tolist()
        for place in range(_NUMBER_EVERY - 1, count, _NUMBER_EVERY):
            found[place] = str(self._random.integers(2, 9999))
        start = 0
        while start < count:
            end = min(count, start + int(self._random.integers(*_SENTENCE_WORDS)))
            found[start] = found[start].capitalize()
            found[end - 1] += "."
            start = end
        return found

    def paragraph(self, count: int) -> str:
        """``count`` words in one line."""
        return " ".join(self.words(count))

    def document(self, paragraphs: int, words: int) -> str:
        """A Markdown text of so many paragraphs with so many words each, under one heading."""
        heading = " ".join(word.strip(".") for word in self.words(4))
        return "\n\n".join([f"# {heading}", *(self.paragraph(words) for _ in range(paragraphs))]) + "\n"


def english_words(embedder: EmbedderSpec) -> list[str]:
    """The whole words of the embedder's vocabulary, the most common first."""
    tokenizer = Tokenizer.from_file(str(local_model_directory(embedder.model) / "tokenizer.json"))
    by_number = sorted((number, word) for word, number in tokenizer.get_vocab().items())
    return [word for _, word in by_number if word.isascii() and word.isalpha() and len(word) > 1]


def write_files(folder: Path, prose: Prose, files: int, paragraphs: int, words: int) -> list[Path]:
    """Markdown files in folders of a hundred, a day old."""
    paths: list[Path] = []
    for number in range(files):
        path = folder / f"{number // 100:04}" / f"note-{number:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(prose.document(paragraphs, words), "utf-8")
        make_old(path)
        paths.append(path)
    return paths


def write_pdfs(folder: Path, prose: Prose, pages: int) -> list[Path]:
    """PDFs of 20 pages of prose each, ``pages`` in all; the last one may be shorter."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for first in range(0, pages, PDF_PAGES):
        path = folder / f"report-{first // PDF_PAGES:05}.pdf"
        _write_pdf(path, prose, min(PDF_PAGES, pages - first))
        make_old(path)
        paths.append(path)
    return paths


def make_old(path: Path) -> None:
    """Let a file look as if it was not touched today: what changed a moment ago is always read again."""
    then = time.time_ns() - _A_DAY_NS
    os.utime(path, ns=(then, then))


def _write_pdf(path: Path, prose: Prose, pages: int) -> None:
    from ingest.optional import require

    canvas = require("reportlab.pdfgen.canvas", extra="bench").Canvas(str(path), pageCompression=1)
    for _ in range(pages):
        text = canvas.beginText(64, 780)
        text.setFont("Times-Roman", 11, leading=15)
        for _ in range(_LINES_OF_PAGE):
            text.textLine(" ".join(prose.words(_WORDS_OF_LINE)))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
