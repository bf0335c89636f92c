"""SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018), and CMRC 2018 and DRCD, which are laid out alike.

An article has ``title`` and ``paragraphs``, each of them ``context`` and ``qas``; CMRC's own form has
``context_text`` and ``qas`` of ``query_id, query_text, answers`` without articles. The context is the
document that spans count in, in code points. Its ``id`` names it, or its article and its number from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eval.cases.case import Case, CasePassage, Relevant
from eval.jsonl import Record
from ingest.words.language import detect_language


def article_cases(article: Record) -> Iterable[Case]:
    """The cases of an article, paragraph by paragraph.

    Raises:
        CasesError: a field is missing or of another kind.
    """
    title = article.optional_text("title") or article.optional_text("id") or f"line-{article.line}"
    for number, value in enumerate(article.items("paragraphs")):
        paragraph = article.within(value, "a paragraph")
        name = paragraph.optional_text("id") or f"{title}:{number}"
        yield from _paragraph_cases(paragraph, name, title, paragraph.text("context"))


def context_cases(record: Record) -> Iterable[Case]:
    """The cases of a context of CMRC 2018.

    Raises:
        CasesError: a field is missing or of another kind.
    """
    title = record.optional_text("title") or ""
    return _paragraph_cases(record, record.text("context_id"), title, record.text("context_text"))


def _paragraph_cases(paragraph: Record, document: str, title: str, context: str) -> Iterator[Case]:
    for value in paragraph.items("qas"):
        question = paragraph.within(value, "a question")
        asked = question.optional_text("query_text") or question.text("question")
        answerable = not question.optional_flag("is_impossible")
        answers = tuple(_answers(question)) if answerable else ()
        yield Case(
            id=question.optional_text("query_id") or question.text("id"),
            question=asked,
            language=detect_language(asked),
            answers=tuple(dict.fromkeys(text for text, _ in answers)),
            answerable=answerable,
            relevant=(_place(document, context, *answers[0]),) if answers else (),
            passages=(CasePassage(context, answerable, title),),
            origin=None if answers else document,
        )


def _answers(question: Record) -> Iterator[tuple[str, int | None]]:
    """Each answer with where its annotator found it; CMRC's own form states no place."""
    for value in question.items("answers"):
        if isinstance(value, str):
            yield value, None
        else:
            answer = question.within(value, "an answer")
            yield answer.text("text"), answer.optional_index("answer_start")


def _place(document: str, context: str, answer: str, stated: int | None) -> Relevant:
    """Where the first annotator found the answer; what others marked is no further place to be found."""
    start = stated if stated is not None and context.startswith(answer, stated) else context.find(answer)
    if start < 0:
        return Relevant(document)
    return Relevant(document, answer, start, start + len(answer))
