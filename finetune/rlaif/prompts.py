"""The prompts of critique, revision and comparison. No adapter is trained on them.

What is criticised was asked with the service's own prompt, whose last message (sources and question) is
shown again as it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.generate import Message


@dataclass(frozen=True, slots=True)
class RlaifTemplate:
    """The words of the three prompts in one language."""

    critique: str
    revision: str
    comparison: str
    answer: str
    critique_heading: str
    first: str
    second: str


TEMPLATES: dict[str, RlaifTemplate] = {
    "en": RlaifTemplate(
        critique=(
            "Below are numbered sources, a question, and an answer to it. Say in one or two sentences where "
            "the answer falls short of this principle, or that it does not: {principles}"
        ),
        revision=(
            "Below are numbered sources, a question, an answer to it, and a critique. Write the answer again "
            "so that it follows this principle: {principles} Reply with the new answer alone."
        ),
        comparison=(
            "Below are numbered sources, a question, and two answers to it. Which answer follows these "
            "principles better? {principles} Reply with 1 or 2 and nothing else."
        ),
        answer="Answer: {answer}",
        critique_heading="Critique: {critique}",
        first="Answer 1: {answer}",
        second="Answer 2: {answer}",
    ),
    "zh": RlaifTemplate(
        critique=(
            "下面是带编号的资料、一个问题和对它的回答。请用一两句话指出这个回答在哪里不符合以下原则，"
            "如果符合就直接说明：{principles}"
        ),
        revision=(
            "下面是带编号的资料、一个问题、对它的回答和一段评语。请按照以下原则重写这个回答：{principles}"
            "只写出新的回答。"
        ),
        comparison=(
            "下面是带编号的资料、一个问题和两个回答。哪个回答更符合这些原则？{principles}只回答 1 或 2。"
        ),
        answer="回答：{answer}",
        critique_heading="评语：{critique}",
        first="回答 1：{answer}",
        second="回答 2：{answer}",
    ),
}


def render_critique(asked: Sequence[Message], answer: str, principle: str, language: str) -> list[Message]:
    """Ask where ``answer`` falls short of ``principle``."""
    words = _template(language)
    return _messages(words.critique, principle, asked, words.answer.format(answer=answer))


def render_revision(
    asked: Sequence[Message], answer: str, critique: str, principle: str, language: str
) -> list[Message]:
    """Ask for a better answer."""
    words = _template(language)
    told = (words.answer.format(answer=answer), words.critique_heading.format(critique=critique))
    return _messages(words.revision, principle, asked, *told)


def render_comparison(
    asked: Sequence[Message], first: str, second: str, principles: str, language: str
) -> list[Message]:
    """Ask which of two answers is better, to be told by its number."""
    words = _template(language)
    told = (words.first.format(answer=first), words.second.format(answer=second))
    return _messages(words.comparison, principles, asked, *told)


def _template(language: str) -> RlaifTemplate:
    return TEMPLATES.get(language, TEMPLATES["en"])


def _messages(system: str, principles: str, asked: Sequence[Message], *told: str) -> list[Message]:
    return [
        Message("system", system.format(principles=principles)),
        Message("user", "\n\n".join((asked[-1].content, *told))),
    ]
