"""How good one answer is: its words against references, its citations against their source and the gold.

Words are compared in the normal form of SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250: lower case, no
punctuation, no English articles), widened for Chinese: Unicode NFKC folds full and half width, CJK
punctuation goes too, and each ideograph or kana is a token of its own, as in the evaluation of CMRC 2018
(Cui et al. 2019, arXiv:1810.07366). Traditional and simplified characters stay apart.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from urllib.parse import unquote

from eval.cases.case import Case, Relevant
from ingest.document import Chunk
from service.answer import Citation

_ARTICLES = frozenset({"a", "an", "the"})
_MARKER = re.compile(r"\s*[\[［【]\d+[\]］】]")
_CJK_CHARACTER = "[\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_TOKEN = re.compile(f"{_CJK_CHARACTER}|(?:(?!{_CJK_CHARACTER})\\S)+")


def tokens(text: str) -> list[str]:
    """The words of ``text`` in normal form: Latin words whole, CJK characters one by one."""
    folded = unicodedata.normalize("NFKC", text).lower()
    bare = "".join(map(_without_punctuation, folded))
    found: list[str] = _TOKEN.findall(bare)
    return [token for token in found if token not in _ARTICLES]


def without_markers(text: str) -> str:
    """``text`` without the citation markers [n], which are no part of what the answer says."""
    return _MARKER.sub("", text)


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1 when the answer is the same words as one of the references, else 0."""
    said = tokens(answer)
    return float(any(said == tokens(reference) for reference in references))


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The harmonic mean of token precision and recall, in 0..1, against the reference it fits best.

    F1 = 2·|shared| / (|answer| + |reference|), counting repeated tokens. When either side has no token,
    1 if both have none, else 0 (SQuAD 2.0, arXiv:1806.03822).
    """
    said = tokens(answer)
    return max((_overlap(said, tokens(reference)) for reference in references), default=0.0)


def contains_answer(answer: str, references: Sequence[str]) -> float:
    """1 when the words of a reference stand in the answer in unbroken order, else 0."""
    said = tokens(answer)
    return float(any(_holds(said, tokens(reference)) for reference in references))


def is_exact(citation: Citation, source: str) -> bool:
    """Whether the citation keeps its promise: its quote is the source's text at its span."""
    if not 0 <= citation.quote_start < citation.quote_end <= len(source):
        return False
    return source[citation.quote_start : citation.quote_end] == citation.quote


def is_right(citation: Citation, case: Case, source: str) -> bool | None:
    """Whether the citation leads to where the answer is; None when the case doesn't say where that is.

    The document must be the expected one; where the evidence is known too, the cited chunk must overlap
    it.
    """
    if not case.relevant:
        return None
    chunk = citation.chunk
    return any(_leads_to(chunk, place, source) for place in case.relevant)


def _leads_to(chunk: Chunk, place: Relevant, source: str) -> bool:
    if not names_document(chunk.uri, place.document):
        return False
    if place.start is not None and place.end is not None:
        return place.start < chunk.end and chunk.start < place.end
    if place.evidence is None:
        return True
    spans = evidence_spans(source, place.evidence)
    return any(start < chunk.end and chunk.start < end for start, end in spans)


def names_document(uri: str, document: str) -> bool:
    """Whether ``document`` is the last part of ``uri``, counted in whole path segments."""
    path = unquote(uri)
    return path == document or path.endswith("/" + document.removeprefix("/"))


def evidence_spans(source: str, evidence: str) -> list[tuple[int, int]]:
    """Where the words of ``evidence`` stand in ``source``; white space may differ, as line breaks do."""
    letters = [re.escape(character) for character in evidence if not character.isspace()]
    if not letters:
        return []
    return [match.span() for match in re.finditer(r"\s*".join(letters), source)]


def _without_punctuation(character: str) -> str:
    if character in string.punctuation:
        return ""
    if not unicodedata.category(character).startswith("P"):
        return character
    # 、。《》 and their kin separate words; an apostrophe or a dash of another script does not.
    return " " if "\u3000" <= character <= "\u303f" else ""


def _overlap(said: Sequence[str], wanted: Sequence[str]) -> float:
    if not said or not wanted:
        return float(not said and not wanted)
    shared = (Counter(said) & Counter(wanted)).total()
    return 2.0 * shared / (len(said) + len(wanted))


def _holds(said: Sequence[str], wanted: Sequence[str]) -> bool:
    last = len(said) - len(wanted)
    return bool(wanted) and any(said[i : i + len(wanted)] == wanted for i in range(last + 1))
