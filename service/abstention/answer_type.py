"""What kind of answer a question asks for, and whether a sentence holds one: a rule for English and Chinese.

"How many" wants a number, "when" a time, "who" and "where" a name. A sentence that shares all words with the
question and holds nothing of the kind beside what the question says itself does not answer it: the
plausible wrong passage that SQuAD 2.0 was written to contain (Rajpurkar et al. 2018, arXiv:1806.03822).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from ingest.words.terms import fold


class AnswerType(StrEnum):
    """What an answer must hold."""

    NUMBER = "number"
    TIME = "time"
    NAME = "name"
    ANY = "any"


_ASKED = (
    (
        AnswerType.TIME,
        re.compile(
            r"\bwhen\b|\b(?:what|which)\s+(?:year|date|day|month|century|decade|time)\b"
            r"|何时|什么时候|什麼時候|哪[一]?[年月天日]|几[年月日](?!代|来)|什么时间|幾[年月日]"
        ),
    ),
    (
        AnswerType.NUMBER,
        re.compile(
            r"\bhow\s+(?:many|much|long|far|old|tall|large|big|high|deep|often|fast|wide)\b"
            r"|\b(?:what|which)\s+(?:percent(?:age)?|number|fraction|age|amount|proportion)\b"
            r"|多少|几(?!乎|何)|幾(?!乎|何)|多[大长高远久重宽深]"
        ),
    ),
    (
        AnswerType.NAME,
        re.compile(
            r"\b(?:who|whom|whose|where)\b|\b(?:what|which)\s+(?:country|city|state|person|company|team)\b"
        ),
    ),
)
"""The first that matches counts. In Chinese a name cannot be told by its form, so none is asked for."""

_NUMBER = re.compile(
    r"\d+(?:[.,]\d+)*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
    r"|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|hundreds?|thousands?|millions?|billions?|half|third|quarter|dozens?|once|twice|several|no|none)\b"
    r"|[零〇一二两兩三四五六七八九十百千万萬亿億半]+"
)
_TIME = re.compile(
    r"\b(?:1\d{3}|20\d{2})s?\b|\b(?:january|february|march|april|may|june|july|august|september|october"
    r"|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday|spring|summer|autumn|winter"
    r"|century|centuries|decade|today|yesterday|bce?|ad)\b|\b\d+(?:st|nd|rd|th)\b"
    r"|(?:\d+|[零〇一二两三四五六七八九十]+)\s*(?:世纪|世紀|年|月|日|号|點|点|时|時)|年间|年間|[初末]年|时期|時期"
)
_CAPITALISED = re.compile(r"(?<![.!?]\s)(?<!\A)\b[A-Z][\w'’-]+")


def answer_type(question: str) -> AnswerType:
    """The kind of answer that ``question`` asks for; ANY where its words do not tell."""
    folded = fold(question)
    return next((kind for kind, asks in _ASKED if asks.search(folded)), AnswerType.ANY)


def holds_answer(kind: AnswerType, sentence: str, question: str) -> bool:
    """Whether ``sentence`` holds something of that kind which ``question`` does not say itself."""
    if kind is AnswerType.ANY:
        return True
    find = _FIND[kind]
    return bool(find(sentence) - find(question))


def _names(text: str) -> set[str]:
    return {fold(name) for name in _CAPITALISED.findall(text)}


def _found(pattern: re.Pattern[str]) -> Callable[[str], set[str]]:
    return lambda text: {match.group() for match in pattern.finditer(fold(text))}


_FIND: dict[AnswerType, Callable[[str], set[str]]] = {
    AnswerType.NUMBER: _found(_NUMBER),
    AnswerType.TIME: _found(_TIME),
    AnswerType.NAME: _names,
}
