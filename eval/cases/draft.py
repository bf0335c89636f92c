"""Draft cases from a collection, for a person to confirm.

A generator proposes a question to a sentence of a chunk and quotes its answer; what is kept has passed these
filters:

1. there are a question and an answer, in the chunk's language;
2. the answer stands in the sentence, letter for letter, and not in the question;
3. a search for the question finds the chunk's document among its first 5 hits (round-trip consistency,
   Alberti et al. 2019, arXiv:1906.05416, with the retriever in place of a reader);
4. the document can be told apart: its best hit scores higher than any other document's by a margin;
5. no kept question asks the same.

Unanswerable questions are not drafted: that a collection lacks an answer is beyond what filters can tell.
"""

from __future__ import annotations

import random
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Protocol
from urllib.parse import unquote

from eval.cases.case import Case, Relevant
from eval.cases.similar_questions import QuestionIndex
from ingest.document import BlockKind, Chunk, Hit
from ingest.errors import NoTermsError
from ingest.snapshots.docstore import DocumentSummary
from ingest.words.language import detect_language
from ingest.words.sentences import sentence_spans
from service.generate import Generator, Sampling
from service.prompt import draft_template_for, render_draft
from service.question import Inquiry

TOP_HITS = 5
MARGIN = 0.05
"""Of fused scores from 0 to 1; a judgement, not a measurement."""

_ATTEMPTS_PER_CASE = 10
_TOKENS = 96
_SHORTEST_SENTENCE = 40
_LONGEST_SENTENCE = 400
_LONGEST_QUESTION = 300
_PROSE = frozenset({BlockKind.PARAGRAPH, BlockKind.LIST})
_QUOTES = " \t\"'“”‘’「」*"


Span = tuple[int, int]


class Found(Protocol):
    """What a search gives back."""

    @property
    def hits(self) -> Sequence[Hit]: ...


class Searcher(Protocol):
    """What is used of ``service.pipeline.AnswerPipeline``."""

    async def search(self, inquiry: Inquiry, k: int) -> Found: ...


class Documents(Protocol):
    """What is used of ``ingest.snapshots.docstore.Docstore``."""

    def document_summaries(self) -> Sequence[DocumentSummary]: ...

    def chunks_of(self, document_id: str) -> Sequence[Chunk]: ...


class Rejection(StrEnum):
    """Why a proposal was not kept."""

    FORM = "no question with an answer"
    LANGUAGE = "another language"
    NOT_QUOTED = "answer not in the sentence"
    GIVEN_AWAY = "answer in the question"
    NOT_FOUND = "document not found"
    AMBIGUOUS = "another document as near"
    REPEATED = "asked before"


@dataclass(frozen=True, slots=True)
class DraftReport:
    """The drafts, and how many proposals were made and refused, by reason."""

    cases: tuple[Case, ...]
    proposals: int
    rejected: Mapping[Rejection, int]


class Drafter:
    """Drafts cases from one snapshot."""

    def __init__(self, documents: Documents, searcher: Searcher, generator: Generator) -> None:
        self._documents = documents
        self._searcher = searcher
        self._generator = generator
        self._names = _document_names(documents.document_summaries())

    async def draft(
        self, count: int, seed: int = 0, advance: Callable[[], None] = lambda: None
    ) -> DraftReport:
        """Draft ``count`` cases, or what ten proposals for each give; ``advance`` is called after each one.

        Raises:
            GeneratorError: the generator failed.
        """
        kept: list[Case] = []
        rejected: Counter[Rejection] = Counter()
        for chunk, span in islice(self._sentences(seed), count * _ATTEMPTS_PER_CASE):
            outcome = await self._propose(chunk, span, kept)
            if isinstance(outcome, Case):
                kept.append(outcome)
            else:
                rejected[outcome] += 1
            advance()
            if len(kept) == count:
                break
        return DraftReport(tuple(kept), len(kept) + rejected.total(), rejected)

    def _sentences(self, seed: int) -> Iterator[tuple[Chunk, Span]]:
        """A sentence of each chunk, one chunk of each document in turn, in random order."""
        documents = [summary.id for summary in self._documents.document_summaries()]
        random.Random(seed).shuffle(documents)
        waiting = deque(self._sentences_of(document, seed) for document in documents)
        while waiting:
            rest = waiting.popleft()
            found = next(rest, None)
            if found is not None:
                yield found
                waiting.append(rest)

    def _sentences_of(self, document: str, seed: int) -> Iterator[tuple[Chunk, Span]]:
        """Prose that the generator can write about."""
        chance = random.Random(f"{seed}:{document}")
        chunks = self._documents.chunks_of(document)
        for chunk in chance.sample(chunks, len(chunks)):
            if chunk.kind in _PROSE and chunk.language in self._generator.languages:
                whole = [span for span in sentence_spans(chunk.text) if _is_telling(chunk.text[slice(*span)])]
                if whole:
                    yield chunk, chance.choice(whole)

    async def _propose(self, chunk: Chunk, span: Span, kept: Sequence[Case]) -> Case | Rejection:
        sentence = chunk.text[slice(*span)]
        proposal = await self._ask(chunk, sentence)
        if proposal is None:
            return Rejection.FORM
        question, answer = proposal
        if detect_language(question) != chunk.language:
            return Rejection.LANGUAGE
        if not _is_quoted(answer, sentence):
            return Rejection.NOT_QUOTED
        if answer.casefold() in question.casefold():
            return Rejection.GIVEN_AWAY
        others = QuestionIndex([case.question for case in kept])
        if others.same(question) is not None or others.similar(question) is not None:
            return Rejection.REPEATED
        trouble = await self._search(question, chunk)
        if trouble is not None:
            return trouble
        start, end = (chunk.start + edge for edge in span)
        return Case(
            id=f"draft-{chunk.id[:12]}",
            question=question,
            language=chunk.language,
            answers=(answer,),
            answerable=True,
            relevant=(Relevant(self._names[chunk.document_id], sentence, start, end),),
        )

    async def _ask(self, chunk: Chunk, sentence: str) -> tuple[str, str] | None:
        """The generator's question and answer; None where its reply has another form."""
        template = draft_template_for(chunk.language)
        messages = render_draft(chunk.headline, sentence, chunk.language)
        reply = ""
        async with aclosing(self._generator.stream(messages, Sampling(_TOKENS))) as pieces:
            async for piece in pieces:
                reply += piece.text
        question, answer = (_labelled(reply, label) for label in (template.question, template.answer))
        whole = question.endswith(("?", "？")) and len(question) <= _LONGEST_QUESTION
        return (question, answer) if whole and answer else None

    async def _search(self, question: str, chunk: Chunk) -> Rejection | None:
        try:
            found = await self._searcher.search(Inquiry(question), TOP_HITS)
        except NoTermsError:
            return Rejection.FORM
        best: dict[str, float] = {}
        for hit in found.hits[:TOP_HITS]:
            best.setdefault(hit.chunk.document_id, hit.score)
        own = best.pop(chunk.document_id, None)
        if own is None:
            return Rejection.NOT_FOUND
        return Rejection.AMBIGUOUS if own - max(best.values(), default=0.0) < MARGIN else None


def _is_telling(sentence: str) -> bool:
    """Whether a sentence is neither a heading nor a wall of text; an ideograph counts as two characters."""
    width = len(sentence) + sum(character >= "\u2e80" for character in sentence)
    return _SHORTEST_SENTENCE <= width <= _LONGEST_SENTENCE


def _is_quoted(answer: str, sentence: str) -> bool:
    """Whether ``answer`` stands in ``sentence`` in whole words."""
    return bool(re.search(rf"(?<![a-zA-Z0-9]){re.escape(answer)}(?![a-zA-Z0-9])", sentence))


def _labelled(reply: str, label: str) -> str:
    """What stands after ``label`` on its line, without quotation marks and a closing full stop."""
    found = re.search(rf"^\W*{re.escape(label[:-1])}\W*[:：](.*)$", reply, re.MULTILINE | re.IGNORECASE)
    return found[1].strip(_QUOTES).rstrip(".。").strip(_QUOTES) if found else ""


def _document_names(summaries: Sequence[DocumentSummary]) -> dict[str, str]:
    """What each document is called in cases: its file, or its whole URI where files have the same name."""
    names = {summary.id: unquote(summary.uri).rpartition("/")[2] for summary in summaries}
    met = Counter(names.values())
    return {
        summary.id: names[summary.id] if met[names[summary.id]] == 1 else unquote(summary.uri)
        for summary in summaries
    }
