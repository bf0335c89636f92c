"""When a few bare words are no answer: where an explanation is asked for, and where the question says them.

A small model that finds nothing names what it was asked about: "What was the new name of Plymouth Dock?" is
not answered by "Plymouth Dock". Of the answers that people gave in SQuAD 2.0, CMRC 2018, DRCD and NQ, at most
one in a hundred says nothing but words of its question, half of these where the question names what to choose
from.
"""

from __future__ import annotations

import re

from ingest.words.terms import content_terms

_MEASURES = "many|much|long|old|far|tall|high|big|large|often|fast|deep|wide|heavy|late|early|soon|few"
_ASKED_FOR = re.compile(
    rf"^\W*(?:and |so |but )?(?:why\b|how\b(?! (?:{_MEASURES})\b)|explain\b|describe\b)"
    r"|\b(?:what(?:'s| is| are)|explain|describe) the differences? between\b"
    "|为什么|為什麼|为何|為何|怎么|怎麼|怎样|怎樣|如何|有什么区别|有什麼區別|解释一下|解釋一下",
    re.IGNORECASE,
)
_FEWEST_TERMS = 4
_OFFERED = re.compile(r"\b(?:or|which)\b|还是|還是|或|哪", re.IGNORECASE)


def asks_for_explanation(question: str) -> bool:
    """Whether ``question`` asks how, why, or for a difference; in English and Chinese."""
    return _ASKED_FOR.search(question) is not None


def explains(claim: str) -> bool:
    """Whether ``claim`` has enough words for an explanation; which words they are is not looked at."""
    return len(content_terms(claim)) >= _FEWEST_TERMS


def only_repeats(question: str, claim: str) -> bool:
    """Whether ``claim`` says no word that ``question`` does not, which offers nothing to choose from."""
    return not _OFFERED.search(question) and set(content_terms(claim)) <= set(content_terms(question))
