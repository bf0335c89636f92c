"""Damage as it happens to files, and as it is done to them: cuts, flipped bytes, pieces of other files."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence

from tests.ingest.file_seeds import zipped

_ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\xff\xfe",
    b"<",
    b">",
    b"&#x1F4A9;",
    b"]]>",
    b"\n",
    b'"',
    b"%",
    b"(",
    b"<<",
    b"{",
    b"9" * 20,
)
_ODD_BYTES += (
    b"-1",
    b"\xf0\x9f\x92\xa9",
    b"\xed\xa0\x80",
    b"&lol;",
    b"../",
    b"{\\",
    b"|",
    b"=",
    b"stream\n",
    b"<p>" * 50,
)
_MAX_MEMBER = 2_000_000


def mutations(seeds: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """``count`` damaged files, each with its name; the same for the same ``seed``."""
    chance = random.Random(seed)
    names = sorted(seeds)
    for number in range(count):
        name = names[number % len(names)]
        yield name, mutated(seeds[name], list(seeds.values()), chance)


def mutated(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """``content`` damaged once or more; half of the time within one member, if it is a zip archive."""
    if content.startswith(b"PK") and chance.random() < 0.7:
        content = _with_damaged_member(content, others, chance)
        if chance.random() < 0.9:
            return content
    for _ in range(chance.choice((1, 1, 2, 5))):
        content = chance.choice(_MUTATIONS)(content, others, chance)
    return content


def _with_damaged_member(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Checksums hold, so that what is damaged comes to the parser."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}
            if not sizes or sum(sizes.values()) > _MAX_MEMBER:
                return content
            members = {name: archive.read(name) for name in sizes}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError):
        return content
    name = chance.choice(sorted(members))
    if chance.random() < 0.1:
        del members[name]
    else:
        members[name] = chance.choice(_MUTATIONS)(members[name], [*others, *members.values()], chance)
    return zipped(members)


def _cut(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _flip(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(min(len(damaged), chance.choice((1, 3, 10, 30)))):
        damaged[chance.randrange(len(damaged))] ^= chance.randrange(1, 256)
    return bytes(damaged)


def _remove(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    return content[:start] + content[end:]


def _repeat(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 2, 20)) + content[end:]


def _blank(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(content, chance)
    return content[:start] + bytes(end - start) + content[end:]


def _insert(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 3, 10))):
        place = chance.randrange(len(content) + 1)
        content = content[:place] + chance.choice(_ODD_BYTES) + content[place:]
    return content


def _splice(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    start, end = _span(other, chance)
    place, until = _span(content, chance)
    return content[:place] + other[start:end] + content[until:]


def _swap(content: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    start, middle = _span(content, chance)
    end = min(len(content), middle + middle - start)
    return content[:start] + content[middle:end] + content[start:middle] + content[end:]


def _span(content: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(content) + 1)
    return start, min(len(content), start + chance.choice((1, 8, 64, 512, 4096)))


_MUTATIONS: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...]
_MUTATIONS = (_cut, _flip, _flip, _remove, _repeat, _blank, _insert, _insert, _splice, _swap)
