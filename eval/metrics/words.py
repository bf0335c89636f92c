"""How far the words of an answer are those of a reference.

Every function takes the answer without its citation markers and references that are equally right, and
gives a value in 0..1 against the reference that fits best, 0 without any reference.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

from sacrebleu.metrics.chrf import CHRF

from eval.metrics.normal_form import CJK_CHARACTER, tokens

_ROUGE_TOKEN = re.compile(f"{CJK_CHARACTER}|(?:(?!{CJK_CHARACTER})[^\\W_])+")


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1 when the answer is the same words as one of the references, else 0."""
    said = tokens(answer)
    return float(any(said == tokens(reference) for reference in references))


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The harmonic mean of token precision and recall, in all languages as SQuAD defines it.

    F1 = 2·|shared| / (|answer| + |reference|), counting repeated tokens in any order. When either side has
    no token, 1 if both have none, else 0 (SQuAD 2.0, Rajpurkar et al. 2018, arXiv:1806.03822).
    """
    return _best_f1(_shared_tokens, tokens(answer), map(tokens, references))


def cmrc_f1(answer: str, references: Sequence[str]) -> float:
    """The F1 of CMRC 2018 (Cui et al. 2019, arXiv:1810.07366): only one unbroken run of tokens is shared.

    F1 = 2·|longest common run| / (|answer| + |reference|), so it is never above ``token_f1``. The official
    script cuts Latin words with NLTK and drops fewer signs; on Chinese text with common punctuation the
    two agree. Without a token on either side, as in ``token_f1``; the script gives 0 or fails.
    """
    return _best_f1(_longest_run, tokens(answer), map(tokens, references))


def contains_answer(answer: str, references: Sequence[str]) -> float:
    """1 when the words of a reference stand in the answer in unbroken order, else 0.

    The accuracy of RGB (Chen et al. 2023, arXiv:2309.01431) on words in place of characters: "cat" does not
    stand in "cats". A reference without a token is in no answer.
    """
    said = tokens(answer)
    return float(any(_holds(said, tokens(reference)) for reference in references))


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """ROUGE-L F1: 2·|longest common subsequence| / (|answer| + |reference|) (Lin 2004, W04-1013).

    Tokens as in Google's rouge-score without its stemmer (runs of letters and digits, lower case), and CJK
    characters one by one, which rouge-score drops. 1 when neither side has a token, 0 when one has none.
    """
    return _best_f1(_common_subsequence, _rouge_tokens(answer), map(_rouge_tokens, references))


def chrf(answer: str, references: Sequence[str]) -> float:
    """chrF2 / 100: the F2 of character 1- to 6-grams (Popović 2015, W15-3049), by sacrebleu.

    Its signature is ``nrefs:var|case:mixed|eff:yes|nc:6|nw:0|space:no``. 0 for an empty answer.
    """
    if not references:
        return 0.0
    return CHRF().sentence_score(answer, list(references)).score / 100.0


def _best_f1(
    shared: Callable[[Sequence[str], Sequence[str]], int],
    said: Sequence[str],
    references: Iterable[Sequence[str]],
) -> float:
    best = 0.0
    for wanted in references:
        both = len(said) + len(wanted)
        best = max(best, 2.0 * shared(said, wanted) / both if both else 1.0)
    return best


def _shared_tokens(said: Sequence[str], wanted: Sequence[str]) -> int:
    return (Counter(said) & Counter(wanted)).total()


def _longest_run(said: Sequence[str], wanted: Sequence[str]) -> int:
    return SequenceMatcher(None, said, wanted, autojunk=False).find_longest_match().size


def _common_subsequence(said: Sequence[str], wanted: Sequence[str]) -> int:
    """The length of the longest common subsequence, a row of the table at once as the bits of one number.

    Hyyrö, Bit-parallel LCS-length computation revisited, AWOCA 2004.
    """
    places: dict[str, int] = {}
    for index, token in enumerate(said):
        places[token] = places.get(token, 0) | 1 << index
    every = (1 << len(said)) - 1
    unmatched = every
    for token in wanted:
        matched = unmatched & places.get(token, 0)
        unmatched = ((unmatched + matched) | (unmatched - matched)) & every
    return len(said) - unmatched.bit_count()


def _rouge_tokens(text: str) -> list[str]:
    found: list[str] = _ROUGE_TOKEN.findall(unicodedata.normalize("NFKC", text).lower())
    return found


def _holds(said: Sequence[str], wanted: Sequence[str]) -> bool:
    last = len(said) - len(wanted)
    return bool(wanted) and any(said[i : i + len(wanted)] == wanted for i in range(last + 1))
