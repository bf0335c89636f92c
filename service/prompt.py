"""The only place where a prompt is made; training data is rendered by the very same function.

``PROMPT_ID`` changes with any character of the templates, so an adapter that was trained on another
prompt can be refused before it is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from service.answer import Passage
from service.generate import Message


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The words of a prompt in one language. ``refusal`` is the sentence for "the sources don't say"."""

    system: str
    source: str
    question: str
    refusal: str


TEMPLATES: dict[str, PromptTemplate] = {
    "en": PromptTemplate(
        system=(
            "Answer the question in one or two short sentences, using only the numbered sources. "
            "After each sentence cite its source as [n]. "
            "If the sources do not contain the answer, reply exactly: "
            "I don't know: the sources do not say."
        ),
        source="[{marker}] {heading}\n{text}",
        question="Question: {question}",
        refusal="I don't know: the sources do not say.",
    ),
    "zh": PromptTemplate(
        system=(
            "只根据下面带编号的资料，用一两句话回答问题。"
            "每句话后面用 [n] 注明资料编号。"
            "如果资料中没有答案，请只回答：我不知道：资料中没有说明。"
        ),
        source="[{marker}] {heading}\n{text}",
        question="问题：{question}",
        refusal="我不知道：资料中没有说明。",
    ),
}


def template_for(language: str) -> PromptTemplate:
    """The template for an ISO 639-1 code; languages without one get the English template."""
    return TEMPLATES.get(language, TEMPLATES["en"])


def render(question: str, passages: Sequence[Passage], language: str) -> tuple[Message, ...]:
    """The messages that ask ``question`` of ``passages``.

    The constant part comes first and the question last, so that a server can keep what precedes the
    question in its prefix cache.
    """
    template = template_for(language)
    sources = [
        template.source.format(
            marker=passage.marker,
            heading=passage.chunk.headline,
            text=passage.chunk.text,
        )
        for passage in passages
    ]
    user = "\n\n".join((*sources, template.question.format(question=question)))
    return (Message("system", template.system), Message("user", user))


def is_refusal(text: str, language: str) -> bool:
    """Whether ``text`` opens with the words of the language's refusal, up to its colon."""
    opening = template_for(language).refusal.replace("：", ":").partition(":")[0]
    return text.replace("’", "'").strip().lower().startswith(opening.lower())


def _prompt_id() -> str:
    digest = hashlib.sha256()
    for language, template in sorted(TEMPLATES.items()):
        for part in (language, template.system, template.source, template.question, template.refusal):
            digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:12]


PROMPT_ID = _prompt_id()
