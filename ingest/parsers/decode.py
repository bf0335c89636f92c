"""Bytes of a text file -> characters, with the encoding told from the bytes.

Order: byte order mark, UTF-16/32 without a mark (told by their NUL bytes), the 7-bit encodings of Chinese
and Japanese (told by their escapes), UTF-8, the encoding that the file declares, detection. A wrong guess
would be stored for good, so what can't be told is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from ingest.errors import UndecodableFileError, WrongExtensionError
from ingest.parsers.text_builder import clean_text

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.02
_MAX_NULL_SHARE = 0.2
_MAX_DAMAGED_SHARE = 0.02
_DETECTION_BYTES = 64_000
_COMMON_CHINESE = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经"
    "么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三"
    "又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常"
    "先海通教原东提立及比员解水名论处义各入几口认条平系气题活更别变四总何电数安少报才结反受目太量建务做接必场件计管期市直资指统区"
    "保至形社便空决展马科司五基书非则界达强即难权思设式色路记南品住告类求据程北边该交规万取术领共确传师观清今切院识导运"
    "這個們來為國說時對於過發後裡種經沒動麼學現當還進樣實軍無與長機業將兩間問應戰頭體見產義條題變總電數報結務場計資統區決馬書則"
    "達強難權設記類據邊規萬術領確傳師觀識導運從關點會開"
)
_COMMON_KOREAN = frozenset(
    "이다는의에을가를로고하지기한도사서은인자아리시나어그대해스라수일정전부상으제적보조주원장만안오과들년있것었했되와게동구성무"
)
_EAST_ASIAN = ("gb18030", "big5", "cp932", "euc_jp", "cp949")
_JAPANESE = frozenset(("cp932", "euc_jp", "iso2022_jp"))
_ESCAPED = ((b"~{", "hz"), (b"\x1b$", "iso2022_jp"))
_MIN_COMMON_SHARE = 0.2
"""Real text draws half of its ideographs from the few hundred above, a wrong decoding a tenth."""

_WESTERN = frozenset("éèêëàâäçñöôóüùúûíîïßáÉÈÀÇÖÜÄÁÑ«»–—‘’“”…€£©®°·\u00a0¿¡")
_MAX_ACCENTED_SHARE = 0.45
_NATURAL = (  # compiled when first used: that takes milliseconds
    "[\t\n\r -~\u00a0-\u024f\u0370-\u058f\u05d0-\u06ff\u2010-\u203b"
    "\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)


def decode_text(content: bytes, declared: str | None = None) -> str:
    """The characters of ``content``, cleaned.

    Args:
        content: a text file's bytes.
        declared: the encoding that the file itself names, if it names one.

    Raises:
        WrongExtensionError: the bytes are no text.
        UndecodableFileError: they are text in no encoding that fits.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return clean_text(content[len(mark) :].decode(encoding, errors="replace"))
    if b"\0" in content:
        wide = _decode_wide(content)
        if wide is not None:
            return clean_text(wide)
    encoding = _escaped_encoding(content) or (_unmarked_chinese(content) if _is_binary(content) else None)
    if encoding is not None:
        return clean_text(content.decode(encoding, errors="replace"))
    if _is_binary(content):
        raise WrongExtensionError(
            "the file holds binary data where text was expected: give it the suffix of its real format."
        )
    for encoding in ("utf-8", *_known(declared)):
        try:
            return clean_text(content.decode(encoding))
        except UnicodeDecodeError:
            continue
    return clean_text(_detect(content))


def _is_binary(content: bytes) -> bool:
    """Control bytes beyond a few, not counting stray NULs, which damaged or padded text may hold."""
    nulls = content.count(0)
    controls = len(_CONTROL.findall(content)) - nulls
    return controls > _MAX_CONTROL_SHARE * len(content) or nulls > _MAX_NULL_SHARE * len(content)


def _escaped_encoding(content: bytes) -> str | None:
    """The 7-bit encoding whose escapes are there, if they lead to common characters."""
    for escape, encoding in _ESCAPED:
        if escape in content and _common_share(content, encoding, "replace") >= _MIN_COMMON_SHARE:
            return encoding
    return None


def _unmarked_chinese(content: bytes) -> str | None:
    """UTF-16 without a mark and without any ASCII, whose bytes look like no text at all."""
    for encoding in _WIDE[2:]:
        if _common_share(content[:_DETECTION_BYTES], encoding, "strict") >= _MIN_COMMON_SHARE:
            return encoding
    return None


def _known(declared: str | None) -> Iterator[str]:
    """The codec for a declared name; browsers read GB2312 and GBK as GB18030, Latin-1 as Windows-1252."""
    if declared is None:
        return
    try:
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        return
    if not name.startswith(("utf-16", "utf-32")):
        yield {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252"}.get(name, name)


def _decode_wide(content: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: NULs at one parity, and almost nothing but natural characters."""
    for encoding in _WIDE:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text and len(re.findall(_NATURAL, text)) >= 0.95 * len(text):
            return text
    return None


def _detect(content: bytes) -> str:
    """Damaged UTF-8, an East Asian encoding, Windows-1252, or what charset-normalizer makes of it."""
    damaged = content.decode("utf-8", errors="replace")
    losses = damaged.count("\ufffd")
    valid = sum(1 for character in damaged if character > "\x7f") - losses
    is_slight = losses <= _MAX_DAMAGED_SHARE * len(damaged)
    if is_slight and valid > losses:
        return damaged
    encoding = (
        _east_asian_encoding(content, "strict")
        or _western_encoding(content)
        or _east_asian_encoding(content, "replace")
        or _other_encoding(content)
    )
    if encoding is not None:
        return content.decode(encoding, errors="replace")
    if is_slight:
        return damaged
    raise UndecodableFileError(
        "the file's character encoding could not be told: save it as UTF-8 and ingest it again."
    )


def _east_asian_encoding(content: bytes, errors: str) -> str | None:
    """The encoding that makes the most of the text's characters common ones, if many are."""
    scores = {encoding: _common_share(content, encoding, errors) for encoding in _EAST_ASIAN}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] >= _MIN_COMMON_SHARE else None


def _common_share(content: bytes, encoding: str, errors: str) -> float:
    """The share of common characters among the letters beyond ASCII; 0 when it doesn't decode."""
    try:
        text = content.decode(encoding, errors=errors)
    except UnicodeDecodeError:
        return 0.0
    if text.count("\ufffd") > _MAX_DAMAGED_SHARE * len(text):
        return 0.0
    foreign = [character for character in text if character > "\x7f" and character.isalpha()]
    common = _COMMON_KOREAN if encoding == "cp949" else _COMMON_CHINESE
    kana = encoding in _JAPANESE or encoding in _WIDE
    hits = sum(1 for character in foreign if character in common or (kana and "ぁ" <= character <= "ん"))
    return hits / len(foreign) if foreign else 0.0


def _western_encoding(content: bytes) -> str | None:
    """Windows-1252 when its accented letters are those of French, German or Spanish, and not too many."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return None
    foreign = [character for character in text if character > "\x7f"]
    letters = sum(1 for character in text if character.isalpha())
    few = len(foreign) <= max(1, _MAX_ACCENTED_SHARE * letters)
    return "cp1252" if few and _WESTERN.issuperset(foreign) else None


def _other_encoding(content: bytes) -> str | None:
    match = from_bytes(content[:_DETECTION_BYTES], cp_exclusion=list(_EAST_ASIAN)).best()
    return None if match is None else match.encoding
