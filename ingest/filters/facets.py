"""What BM25 knows of an entry besides its words, so that a search can pass over it before it is scored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import blake2b

from ingest.document import Chunk, Document
from ingest.filters.access import PUBLIC, access_terms, groups_of
from ingest.filters.filters import meanings, written
from ingest.sources.metadata import ACL
from ingest.words.stemming import stemmer_of

PAGE = "page"
"""The one key that a chunk has for itself: the numbers of the pages that it stands on."""

_DIGITS = re.compile(r"(?P<sign>-?)(?P<whole>\d+)")
_BREAKS = re.compile(r"[/:T-]+")
_MOST_BUCKETS = 12
_LONGEST_BUCKET = 200


@dataclass(frozen=True, slots=True)
class Clause:
    """Asks for one of these facets, or for none of them."""

    facets: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FacetFilter:
    """Which chunks BM25 may look at: those that meet all clauses, and ``stand_ins`` whatever they meet.

    A stand-in is the number of a chunk that says what one of another document says, with the 64 bits that
    name that document in the index. Whole documents are held to ``document_clauses`` alone: a document has
    all pages of its chunks.
    """

    document_clauses: tuple[Clause, ...]
    page_clauses: tuple[Clause, ...] = ()
    stand_ins: Mapping[int, int] = field(default_factory=dict[int, int])


def document_key(document_id: str) -> int:
    """What names a document in the index: the first 64 of the 128 bits of its id."""
    return int(document_id[:16], 16)


def document_facets(document: Document) -> list[str]:
    """The facets of a document, and of each of its chunks."""
    marks = access_terms(groups_of(document.metadata)) or (PUBLIC,)
    built_in = {"document_id": document.id, "uri": document.uri, "title": document.title}
    stated = {**document.metadata, **built_in, "language": document.language}
    return [
        language_facet(stemmer_of(document.language)),
        *map(_access_facet, marks),
        *dict.fromkeys(
            found
            for key, value in stated.items()
            if key != ACL
            for text in written(value)
            for found in (*(facet(key, bucket) for bucket in buckets(text)), facet(key, text))
        ),
    ]


def page_facets(chunk: Chunk) -> Iterator[str]:
    """The facets that a chunk has besides its document's."""
    if chunk.page_start is not None:
        last = chunk.page_end or chunk.page_start
        yield from (facet(PAGE, str(number)) for number in range(chunk.page_start, last + 1))


def buckets(text: str) -> list[str]:
    """What a value is in together with others, widest first: folders, months, numbers of about its size.

    A range or a prefix that takes in a bucket as a whole is asked for by that one name, since each value that
    is asked for by itself costs some microseconds in every search.
    """
    number = _DIGITS.match(text)
    if number and "number" in meanings(text):
        size = f"\0{number['sign']}{len(number['whole'])}:"
        return [f"{size}{number['whole'][:digits]}" for digits in range(min(3, len(number["whole"])))]
    ends = [found.end() for found in _BREAKS.finditer(text)][:_MOST_BUCKETS]
    return [f"\0{text[:end]}" for end in ends if end <= _LONGEST_BUCKET]


def facet(key: str, text: str) -> str:
    """How a value is written in the index: short, however long it is."""
    return blake2b(f"{key}\0{text}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def language_facet(stemmer: str) -> str:
    """Marks the entries whose words were stemmed in this way."""
    return f"language={stemmer}"


def access_clause(groups: AbstractSet[str]) -> Clause:
    """Asks for what someone in ``groups`` may see."""
    return Clause(frozenset(map(_access_facet, (PUBLIC, *access_terms(groups)))))


def _access_facet(mark: str) -> str:
    return f"acl={mark}"
