"""Refuse a PDF whose streams unpack to far more than any page, font or table needs.

A reader unpacks a page's streams before anything can be said of them, so they are looked at beforehand.
Deflate packs at most 1,032 to 1 (zlib.net, "Maximum Compression Factor"), so only streams that are large as
they lie there, or packed more than once, need be tried; most files have none. Pictures are left out: they
are unpacked only when a page is drawn. Streams of an encrypted file cannot be tried; for these, as for
whatever is not seen here, the limits of the process that parses must do.
"""

from __future__ import annotations

import re
import zlib

from ingest.errors import UnsafeFileError

_MAX_UNPACKED = 200_000_000
_MOST_FILTERS = 4
_DEFLATE_FACTOR = 1_032
_STEP = 1 << 20
_DICTIONARY_BYTES = 2_048
_STREAM = re.compile(rb"stream\r?\n")
_END = b"endstream"
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)\b")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")


def refuse_bombs(content: bytes) -> None:
    """Try the streams that could be bombs.

    Raises:
        UnsafeFileError: one of them unpacks to more than 200 MB.
    """
    if b"/Encrypt" in content:
        return
    position = 0
    while match := _STREAM.search(content, position):
        position = match.end()
        if content[match.start() - 3 : match.start()] == b"end":
            continue
        end = content.find(_END, position)
        end = len(content) if end < 0 else end
        times = _deflated(content, match.start())
        if times and (times > 1 or (end - position) * _DEFLATE_FACTOR > _MAX_UNPACKED):
            _try(memoryview(content)[position:end], times)
        position = end


def _deflated(content: bytes, start: int) -> int:
    """How many times the stream is deflated whose dictionary ends at ``start``; 0 for a picture."""
    dictionary = content[max(0, start - _DICTIONARY_BYTES) : start]
    dictionary = dictionary[dictionary.rfind(b" obj") + 1 :]
    return 0 if _PICTURE.search(dictionary) else len(_FLATE.findall(dictionary))


def _try(packed: memoryview, times: int) -> None:
    """Unpack step by step, and keep nothing."""
    if times > _MOST_FILTERS:
        raise UnsafeFileError(f"a stream of the PDF is deflated {times} times over: do not open it.")
    stages = [zlib.decompressobj() for _ in range(times)]
    sizes = [0] * times

    def feed(data: bytes, stage: int) -> None:
        while data and not stages[stage].eof:
            out = stages[stage].decompress(data, _STEP)
            data = stages[stage].unconsumed_tail
            sizes[stage] += len(out)
            if sizes[stage] > _MAX_UNPACKED:
                raise UnsafeFileError(
                    f"a stream of the PDF has {len(packed)} bytes and unpacks to more than {_MAX_UNPACKED}, "
                    "as a decompression bomb does: do not open it, or save a copy with smaller streams."
                )
            if stage + 1 < times:
                feed(out, stage + 1)

    try:
        for start in range(0, len(packed), _STEP):
            feed(bytes(packed[start : start + _STEP]), 0)
    except zlib.error:
        return  # damaged, or not what its dictionary says: the reader will tell
