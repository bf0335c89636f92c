"""What a retrieval benchmark searches, as files that Troika and every peer read alike.

::

    FOLDER/
        passages.jsonl          {"title", "language", "text"} of each passage
        vectors.npy             float32, shape (passages, dimension): its unit vector
        questions.json          a list of texts
        question_vectors.npy    float32, shape (questions, dimension)

NumPy is all that is needed to read it, so that a peer's environment can.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO, cast

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

_PASSAGES, _VECTORS = "passages.jsonl", "vectors.npy"
_QUESTIONS, _QUESTION_VECTORS = "questions.json", "question_vectors.npy"
_EXACT_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class BenchPassage:
    """A passage under its title."""

    title: str
    language: str
    text: str

    @property
    def searched(self) -> str:
        """What is searched by words: title and text."""
        return f"{self.title}\n{self.text}" if self.title else self.text


class BenchCorpus:
    """A corpus in ``folder``; passages and vectors are read from there when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.questions: list[str] = json.loads((folder / _QUESTIONS).read_text("utf-8"))
        self.question_vectors: Matrix = np.load(folder / _QUESTION_VECTORS)
        self.vectors: Matrix = np.load(folder / _VECTORS, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.vectors)

    def passages(self) -> Generator[BenchPassage]:
        """All passages, in the order of their vectors."""
        with (self.folder / _PASSAGES).open(encoding="utf-8") as lines:
            for line in lines:
                yield BenchPassage(**json.loads(line))

    def exact_nearest(self, k: int, questions: int) -> NDArray[np.int64]:
        """The rows of the ``k`` largest inner products with each of the first ``questions`` questions.

        Found by comparing all; shape (questions, k), best first.
        """
        asked = self.question_vectors[:questions]
        scores = np.empty((len(asked), 0), dtype=np.float32)
        rows = np.empty((len(asked), 0), dtype=np.int64)
        for start in range(0, len(self), _EXACT_ROWS):
            block = asked @ np.asarray(self.vectors[start : start + _EXACT_ROWS]).T
            numbers = np.tile(np.arange(start, start + block.shape[1], dtype=np.int64), (len(asked), 1))
            scores = np.concatenate([scores, block], axis=1)
            rows = np.concatenate([rows, numbers], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            scores = np.take_along_axis(scores, best, axis=1)
            rows = np.take_along_axis(rows, best, axis=1)
        return rows


class BenchCorpusWriter:
    """Writes a corpus of a known size; it can be read once ``finish`` was called."""

    def __init__(self, folder: Path, passages: int, dimension: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        (folder / _QUESTIONS).unlink(missing_ok=True)
        self._lines: TextIO = (folder / _PASSAGES).open("w", encoding="utf-8")
        shape = (passages, dimension)
        opened = np.lib.format.open_memmap(folder / _VECTORS, mode="w+", dtype=np.float32, shape=shape)
        self._vectors = cast("np.memmap[tuple[int, int], np.dtype[np.float32]]", opened)
        self._written = 0

    def add(self, passages: list[BenchPassage], vectors: Matrix) -> None:
        """Add passages with their unit vectors of shape (n, dimension)."""
        for passage in passages:
            self._lines.write(json.dumps(asdict(passage), ensure_ascii=False) + "\n")
        self._vectors[self._written : self._written + len(passages)] = vectors
        self._written += len(passages)

    def finish(self, questions: list[str], vectors: Matrix) -> BenchCorpus:
        """Add the questions, which make the folder a corpus, and open it."""
        self._lines.close()
        self._vectors.flush()
        np.save(self._folder / _QUESTION_VECTORS, vectors)
        (self._folder / _QUESTIONS).write_text(json.dumps(questions, ensure_ascii=False), "utf-8")
        return BenchCorpus(self._folder)


def is_written(folder: Path) -> bool:
    """Whether ``folder`` holds a whole corpus."""
    return (folder / _QUESTIONS).is_file()


def recall(found: list[list[int]], exact: NDArray[np.int64]) -> float:
    """The mean share of the exact rows that were found, each question counting alike."""
    shares = [
        len(set(rows) & set(best.tolist())) / len(best) for rows, best in zip(found, exact, strict=True)
    ]
    return float(np.mean(shares))
