"""What a model is taught to write: a short answer in its sources' own words, and where it stands.

Copying keeps a small model honest, and lets the citation be checked word for word. Only the number of a
footnote changes its brackets, for in an answer ``[3]`` would cite the third passage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from eval.cases.case import Case
from finetune.data.choices import TargetForm
from finetune.data.passages import find_span, find_words
from ingest.words.sentences import sentence_spans
from ingest.words.terms import content_terms
from service.grounding.cite import free_of_markers

SENTENCE_END = r"""[.!?。！？](?:["'”’)）」』】]|\([\d\s,，、]+\))*"""
"""A stop, with what closes a quotation behind it and the number of a footnote: ``.)`` or ``.(4)``."""

# As many as the prompt asks for, and as ``answer.max_sentences`` lets through.
_SENTENCES = 2
_LONGEST_WORDS = 32
_LONGEST_CHARACTERS = 90
_ENDED = re.compile(SENTENCE_END + r"\Z")


def target_text(case: Case, gold: Mapping[int, str], form: TargetForm) -> str:
    """The answer to ``case`` with its markers, each sentence followed by those of its own sources.

    Args:
        case: an answerable question.
        gold: the texts of the passages that hold the answer, by their markers.
        form: what is quoted.
    """
    statements = _sentences(case, gold) if form is TargetForm.SENTENCE else []
    return " ".join(
        f"{text} {''.join(f'[{marker}]' for marker in markers)}"
        for text, markers in statements or _answer(case, gold, form)
    )


def _answer(case: Case, gold: Mapping[int, str], form: TargetForm) -> list[tuple[str, tuple[int, ...]]]:
    """The answer as it stands in a passage, or as it is given where it stands in none."""
    standing = (
        text[slice(*span)]
        for answer in case.answers
        for text in gold.values()
        if (span := find_words(text, answer)) is not None
    )
    answer = _flat(next(standing, case.answers[0]))
    sentences = [answer[start:end] for start, end in sentence_spans(answer)[:_SENTENCES]]
    if form is TargetForm.SENTENCE:
        sentences = [_ended(sentence, case.language) for sentence in sentences]
    if len(sentences) == 1:
        return [(sentences[0], tuple(gold))]
    return [(sentence, (nearest(sentence, gold),)) for sentence in sentences]


def _sentences(case: Case, gold: Mapping[int, str]) -> list[tuple[str, tuple[int, ...]]]:
    """Of each passage the evidence where it is short, or the sentence that holds the answer."""
    quotes = ((_quote(case, text), marker) for marker, text in gold.items())
    return [(_ended(quote, case.language), (marker,)) for quote, marker in quotes if quote][:_SENTENCES]


def _quote(case: Case, text: str) -> str | None:
    evidence = next((p.evidence for p in case.relevant if p.evidence and find_span(text, p.evidence)), None)
    candidates = [evidence] if evidence else []
    for body in (*candidates, text):
        sentences = (body[start:end] for start, end in sentence_spans(body))
        candidates += [s for s in sentences if any(find_words(s, answer) for answer in case.answers)]
    return next((quote for quote in map(_flat, candidates) if _is_short(quote, case.language)), None)


def nearest(sentence: str, gold: Mapping[int, str]) -> int:
    """The marker of the passage that shares most words with ``sentence``."""
    words = set(content_terms(sentence))
    return max(gold, key=lambda marker: len(words & set(content_terms(gold[marker]))))


def _flat(text: str) -> str:
    """Words of a source on one line, as they may stand in an answer."""
    return free_of_markers(" ".join(text.split()))


def _is_short(text: str, language: str) -> bool:
    return len(text) <= _LONGEST_CHARACTERS if _is_cjk(language) else len(text.split()) <= _LONGEST_WORDS


def _ended(text: str, language: str) -> str:
    if _ENDED.search(text):
        return text
    return text.rstrip(",;:，；：") + ("。" if _is_cjk(language) else ".")


def _is_cjk(language: str) -> bool:
    return language.partition("-")[0] in {"zh", "ja"}
