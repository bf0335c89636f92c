"""An evaluation case: a question with what is known about its right answer."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True, slots=True)
class Relevant:
    """Where an answer can be found.

    ``document`` is the end of the document's URI, in whole path segments. ``evidence`` are the words in it
    that hold the answer, ``start`` and ``end`` the span of these words in code points, where they are known.
    """

    document: str
    evidence: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class CasePassage:
    """A passage that belongs to a case; ``relevant`` says whether the answer can be found in it."""

    text: str
    relevant: bool
    title: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A question and its gold.

    ``answers`` are equally right references; ``relevant`` are the places that hold the answer or
    a part of it. ``tags`` name the slices that the case is counted in.
    ``history`` holds the turns before the question, oldest first. ``asked_at`` (ISO 8601) is when it was
    asked. ``passages`` serve oracle runs, which leave retrieval out.

    Where an answer must say several things, ``parts`` holds each of them with its equally right wordings.
    ``false_answers`` are what altered passages claim instead of the truth. ``origin`` is what cases without
    a relevant place share: the document that they were asked about, or the row of a file they were made from.
    """

    id: str
    question: str
    language: str
    answers: tuple[str, ...]
    answerable: bool
    relevant: tuple[Relevant, ...] = ()
    tags: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    asked_at: str | None = None
    passages: tuple[CasePassage, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()
    false_answers: tuple[str, ...] = ()
    origin: str | None = None

    @property
    def evidence(self) -> str | None:
        """The words that hold the answer in the first place where it can be found."""
        return self.relevant[0].evidence if self.relevant else None

    @property
    def documents(self) -> tuple[str, ...]:
        """What ties cases together: the documents that hold the answer, and the origin."""
        places = tuple(place.document for place in self.relevant)
        return (*places, self.origin) if self.origin else places

    @property
    def source(self) -> str:
        """What cases that do well or badly together share: their first document, their row, or nothing."""
        return self.relevant[0].document if self.relevant else self.origin or self.id
