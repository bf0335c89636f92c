"""Whether a question asks for an explanation, which a name, a number or a place is none of."""

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


def asks_for_explanation(question: str) -> bool:
    """Whether ``question`` asks how, why, or for a difference; in English and Chinese."""
    return _ASKED_FOR.search(question) is not None


def explains(claim: str) -> bool:
    """Whether ``claim`` has enough words for an explanation; which words they are is not looked at."""
    return len(content_terms(claim)) >= _FEWEST_TERMS
