"""The contexts that come with a question as the passages of its training example, whole or cut into chunks.

A model is served chunks. Contexts that are whole paragraphs teach it on longer and fewer passages than it
will see, so they can be cut as an ingest would cut them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eval.answering.in_process import oracle_passages
from eval.cases.case import Case
from finetune.data.headings import heading_of
from finetune.data.passages import Found, holds_answer
from ingest.chunking.chunk import Chunker, ChunkingSpec
from ingest.document import Block, BlockKind, Chunk, Document
from ingest.embed import load_embedder, spec_from_settings
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.words.terms import content_terms

Cut = Callable[[Chunk], Sequence[Chunk]]
"""Gives the chunks of a context."""


_JUDGEMENTS = frozenset(("yes", "no", "maybe", "是", "否"))


class OwnPassages:
    """The contexts that came with each question, in their order; ``cut`` makes several passages of each."""

    snapshot_id = None

    def __init__(self, cut: Cut = lambda context: (context,)) -> None:
        self._cut = cut

    def find(self, case: Case) -> Found:
        """The case's passages. Those it calls relevant are gold; of one that is cut, the likeliest chunk that
        holds the answer, and its other chunks that hold it are left out.
        """
        asked = set(content_terms(case.question))
        is_in_other_words = _bears_out(case)
        shared: dict[str, int] = {}
        ranking: list[Chunk] = []
        gold: list[Chunk] = []
        for context, own in zip(oracle_passages(case), case.passages, strict=True):
            chunks = self._cut(_under_a_heading(context.chunk))
            shared |= {chunk.id: len(asked.intersection(content_terms(chunk.text))) for chunk in chunks}
            if own.relevant and case.answerable:
                holding = [chunk for chunk in chunks if holds_answer(chunk.text, case)]
                # An answer may be put in other words, or together from several contexts.
                if not holding and len(chunks) == 1 and is_in_other_words:
                    holding = chunks
                best = max(holding, key=lambda chunk: shared[chunk.id], default=None)
                gold += [best] if best else []
                chunks = [chunk for chunk in chunks if chunk is best or chunk not in holding]
            ranking += chunks
        # Where only some are shown, they are those that share most words with the question.
        likeliest = sorted(ranking, key=lambda chunk: -shared[chunk.id])
        return Found(tuple(ranking), tuple(gold), tuple(likeliest))


def _bears_out(case: Case) -> bool:
    """Whether the relevant contexts hold a word of an answer; yes and no are not in their words."""
    told = "\n".join(own.text for own in case.passages if own.relevant)
    words = {*content_terms(told)}
    return any(
        not terms or terms & words or answer.casefold() in told.casefold()
        for answer in case.answers
        for terms in (set(content_terms(answer)) - _JUDGEMENTS,)
    )


def cut_as_ingested(settings: Settings) -> Cut:
    """Cuts contexts by the chunking that ``settings`` ask for, in tokens of their embedder.

    Raises:
        TroikaError: the embedder's model is not there.
    """
    models = Collection(settings.home, settings.collection).models
    embedder = load_embedder(spec_from_settings(settings.embedder), settings.embedder, models)
    chunker = Chunker(embedder, ChunkingSpec.from_settings(settings.chunking))

    def cut(context: Chunk) -> Sequence[Chunk]:
        return chunker.chunk(_document_of(context))

    return cut


def _document_of(context: Chunk) -> Document:
    return Document(
        id=context.document_id,
        uri=context.uri,
        title=context.title,
        text=context.text,
        language=context.language,
        pages=(),
        blocks=(Block(BlockKind.PARAGRAPH, 0, len(context.text)),),
        content_sha256=context.document_id,
    )


def _under_a_heading(chunk: Chunk) -> Chunk:
    return chunk if chunk.headline else replace(chunk, title=heading_of(chunk.text))
