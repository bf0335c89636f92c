"""Whether a query only reads: one SELECT and nothing beside it.

This is a guard against mistakes, made on words and not on a parse; the database is opened for reading only
wherever it knows of such a thing, and that is the lock.
"""

from __future__ import annotations

import re

from ingest.errors import QueryError

_QUOTED_OR_COMMENT = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1", re.DOTALL
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_STARTS = frozenset(("select", "with", "values", "table"))
_WRITES = frozenset(("insert", "update", "delete", "merge", "into"))
"""What a statement that begins as above can still write with."""


def checked_query(query: str) -> str:
    """The query without a semicolon at its end.

    Raises:
        QueryError: it is not one statement that only reads.
    """
    bare = _QUOTED_OR_COMMENT.sub(lambda match: " " * len(match[0]), query)
    statement, _, rest = bare.partition(";")
    words = [word.lower() for word in _WORD.findall(statement)]
    if rest.strip():
        raise _refused("it holds more than one statement")
    if not words or words[0] not in _STARTS:
        raise _refused(f"it begins with {words[0].upper()!r}" if words else "it is empty")
    writing = _WRITES.intersection(words)
    if writing:
        raise _refused(f"it holds the word {min(writing).upper()!r} (a column of that name needs quotes)")
    return query[: len(statement)].strip()


def _refused(reason: str) -> QueryError:
    return QueryError(f"the query is not run, since {reason}: write one SELECT, and nothing that writes.")
