"""Tell the language of a document or a question by its script and, among Latin ones, its stop words.

Covers the languages of the corpora Troika meets, not all of the world's; what it can't tell is "en".
Chinese is one language here, simplified or traditional.
"""

from __future__ import annotations

import re
from collections import Counter

DEFAULT_LANGUAGE = "en"

HAN = "\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
KANA = "\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d"
HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"

_SAMPLE_CHARACTERS = 6000
_KANA_SHARE_OF_JAPANESE = 0.08
"""Japanese prose is a third kana or more and short questions a tenth; Chinese borrows a single の."""

_LATIN_WORD = re.compile(r"[a-zà-öø-ÿœ]+(?:['’][a-z]+)?")
# Compiled when first used: a class of so many characters takes milliseconds, and most texts need none.
_SCRIPTS = {
    "zh": f"[{HAN}]",
    "ja": f"[{KANA}]",
    "ko": f"[{HANGUL}]",
    "ru": "[\u0400-\u04ff]",
    "ar": "[\u0600-\u06ff\u0750-\u077f]",
    "he": "[\u0590-\u05ff]",
    "el": "[\u0370-\u03ff]",
    "th": "[\u0e00-\u0e7f]",
    "hi": "[\u0900-\u097f]",
}
_CJK = ("zh", "ja", "ko")
_STOP_WORDS = {
    "en": "the of and to in is that for it with as was on are by this be at from or an have not what how why "
    "which who when where does do can should if you we they there",
    "de": "der die das und ist nicht ein eine zu den mit von für auf im dem des sich auch als wie was wird",
    "fr": "le la les des et est un une du pour dans que qui sur pas avec au par ce sont comment quel quelle",
    "es": "el los las y es un una del para en que por con no se su como qué cuál al lo más",
    "it": "il lo gli e è un una di per che non con del della sono nel come si da anche più",
    "pt": "o os as e é um uma do da para em que não com por no na como mais se dos",
    "nl": "de het een en is van voor niet op dat met zijn te aan er ook hoe wat wordt",
}
LANGUAGES = frozenset((*_SCRIPTS, *_STOP_WORDS))
"""Every code that ``detect_language`` can give."""

_LANGUAGES_OF_WORD = {
    word: tuple(language for language, words in _STOP_WORDS.items() if word in words.split())
    for words in _STOP_WORDS.values()
    for word in words.split()
    if len(word) > 1  # single letters are list markers and variables more often than words
}
_MIN_STOP_WORD_SHARE = 0.12
"""Of a text's words, before it is taken for a Latin language other than English."""


def detect_language(text: str) -> str:
    """The ISO 639-1 code of the language that most of ``text`` is written in.

    A Chinese question full of English terms ("LoRA 的秩是什么？") is Chinese: terms are no evidence
    of English, its stop words are. Long texts are judged by samples of their start, middle and end.
    """
    sample = _sample(text).lower()
    has_letters = not sample.isascii()
    letters = {
        language: len(re.findall(letter, sample)) if has_letters else 0
        for language, letter in _SCRIPTS.items()
    }
    words = _LATIN_WORD.findall(sample)
    votes = _vote(words)
    cjk = sum(letters[language] for language in _CJK)
    if cjk and _outweighs(cjk, len(words), max(votes.values(), default=0)):
        return _east_asian(letters)
    script, count = max(
        ((language, count) for language, count in letters.items() if language not in _CJK),
        key=lambda pair: pair[1],
    )
    if count > sum(map(len, words)):
        return script
    return _latin(votes, len(words))


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLE_CHARACTERS:
        return text
    middle = len(text) // 2
    return "\n".join(
        (text[:_SAMPLE_CHARACTERS], text[middle : middle + _SAMPLE_CHARACTERS], text[-_SAMPLE_CHARACTERS:])
    )


def _vote(words: list[str]) -> Counter[str]:
    votes: Counter[str] = Counter()
    for word, count in Counter(words).items():
        for language in _LANGUAGES_OF_WORD.get(word, ()):
            votes[language] += count
    return votes


def _outweighs(characters: int, latin_words: int, stop_words: int) -> bool:
    """Whether ``characters`` ideographs, kana or syllables weigh more than the Latin words beside them.

    A Chinese word is about two characters long, so equal shares mean two characters a Latin word; in
    text without Latin stop words the Latin words are terms, and a tenth as many characters suffice.
    """
    if not stop_words:
        return characters * 10 >= latin_words
    return characters >= 2 * stop_words and characters * 2 >= latin_words


def _east_asian(letters: dict[str, int]) -> str:
    if letters["ko"] > letters["ja"] and letters["ko"] * 2 >= letters["zh"]:
        return "ko"
    if letters["ja"] >= _KANA_SHARE_OF_JAPANESE * (letters["ja"] + letters["zh"]):
        return "ja"
    return "zh"


def _latin(votes: Counter[str], words: int) -> str:
    if not votes:
        return DEFAULT_LANGUAGE
    best, count = votes.most_common(1)[0]
    clear = count >= max(2, _MIN_STOP_WORD_SHARE * words) and count > 1.3 * votes[DEFAULT_LANGUAGE]
    return best if clear else DEFAULT_LANGUAGE
