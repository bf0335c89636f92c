"""The words of a text in a normal form, in which an answer and a reference can be compared.

The form is that of SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250: lower case, no punctuation, no English
articles), widened for Chinese: Unicode NFKC folds full and half width, CJK punctuation goes too, and each
ideograph or kana is a token of its own, as in the evaluation of CMRC 2018 (Cui et al. 2019,
arXiv:1810.07366). Traditional and simplified characters stay apart.
"""

from __future__ import annotations

import re
import string
import unicodedata

_ARTICLES = frozenset({"a", "an", "the"})
_MARKER = re.compile(r"\s*[\[［【]\d+[\]］】]")
CJK_CHARACTER = "[\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_SIGN = re.compile(r"[^\w\s]|_")
_TOKEN = re.compile(f"{CJK_CHARACTER}|(?:(?!{CJK_CHARACTER})\\S)+")


def tokens(text: str) -> list[str]:
    """The words of ``text`` in normal form: Latin words whole, CJK characters one by one."""
    folded = unicodedata.normalize("NFKC", text).lower()
    found: list[str] = _TOKEN.findall(_SIGN.sub(_without_punctuation, folded))
    return [token for token in found if token not in _ARTICLES]


def without_markers(text: str) -> str:
    """``text`` without the citation markers [n], which are no part of what the answer says."""
    return _MARKER.sub("", text)


def _without_punctuation(sign: re.Match[str]) -> str:
    character = sign.group()
    if character in string.punctuation:
        return ""
    if not unicodedata.category(character).startswith("P"):
        return character
    # 、。《》 and their kin separate words; an apostrophe or a dash of another script does not.
    return " " if "\u3000" <= character <= "\u303f" else ""
