"""Read a JSON Lines file one checked record at a time; every complaint names the file and the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ingest.errors import CasesError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object of a file, with its place, so that a missing field can be named exactly."""

    path: Path
    line: int
    values: dict[str, object]

    def within(self, value: object, what: str) -> Record:
        """``value``, which must be an object, as a record at the same place.

        Raises:
            CasesError: it is none; ``what`` names it.
        """
        if not isinstance(value, dict):
            raise self.fail(f"{what} is {_kind(value)}: it must be an object.")
        return Record(self.path, self.line, cast("dict[str, object]", value))

    def fail(self, message: str) -> CasesError:
        """The error that says what is wrong with this record, to be raised by the caller."""
        return CasesError(f"{self.path}, line {self.line}: {message}")

    def text(self, key: str) -> str:
        """The field ``key``, which must be a string with something in it.

        Raises:
            CasesError: it is missing, blank or no string.
        """
        value = self.optional_text(key)
        if value is None:
            raise self.fail(f"the field {key!r} is missing or empty: give it a text.")
        return value

    def optional_text(self, key: str) -> str | None:
        """The field ``key`` when it holds text; None when it is missing, null or blank."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.fail(f"the field {key!r} is {_kind(value)}: it must be a text.")
        return self._checked(key, value) if value.strip() else None

    def flag(self, key: str) -> bool:
        """The field ``key``, which must be true or false."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise self.fail(f"the field {key!r} is {_kind(value)}: it must be true or false.")
        return value

    def optional_flag(self, key: str) -> bool | None:
        """The field ``key``, true or false; None when it is missing or null."""
        return None if self.values.get(key) is None else self.flag(key)

    def optional_index(self, key: str) -> int | None:
        """The field ``key``, a whole number counted from 0; None when it is missing or null."""
        value = self.values.get(key)
        return None if value is None else self._index(key, value)

    def items(self, key: str) -> list[object]:
        """The field ``key``, a list of whatever; missing or null reads as an empty list."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(f"the field {key!r} is {_kind(value)}: it must be a list.")
        return cast("list[object]", value)

    def texts(self, key: str) -> tuple[str, ...]:
        """The field ``key``, a list of texts; missing or null reads as an empty list, blanks are left out."""
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.fail(f"the field {key!r} is {_kind(value)}: it must be a list of texts.")
        found: list[str] = []
        for item in cast("list[object]", value):
            if not isinstance(item, str):
                raise self.fail(f"the field {key!r} holds {_kind(item)}: it must be a list of texts.")
            if item.strip():
                found.append(self._checked(key, item))
        return tuple(found)

    def indexes(self, key: str) -> tuple[int, ...]:
        """The field ``key``, a list of whole numbers counted from 0."""
        value = self.values.get(key)
        if not isinstance(value, list):
            raise self.fail(f"the field {key!r} is {_kind(value)}: it must be a list of whole numbers.")
        return tuple(self._index(key, item) for item in cast("list[object]", value))

    def _index(self, key: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.fail(f"the field {key!r} holds {value!r}: expected whole numbers from 0.")
        return value

    def _checked(self, key: str, value: str) -> str:
        # JSON may escape half of a surrogate pair; such a string can be neither hashed nor sent on.
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise self.fail(
                f"the field {key!r} holds half a surrogate pair: write the whole character."
            ) from None
        return value


def read_records(path: Path) -> Iterator[Record]:
    """Yield the objects of a JSON Lines file in order; blank lines are skipped, a byte order mark is allowed.

    Raises:
        CasesError: no such file, a line that is not UTF-8 or not a JSON object, or no object at all.
    """
    empty = True
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                record = _read_line(
                    path, number, line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                )
                if record is not None:
                    empty = False
                    yield record
    except OSError as error:
        raise CasesError(f"{path} cannot be read ({error.strerror}): give a JSON Lines file.") from error
    if empty:
        raise CasesError(f"{path}, line 1: the file is empty: write one JSON object on each line.")


def _read_line(path: Path, number: int, line: bytes) -> Record | None:
    place = f"{path}, line {number}"
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CasesError(f"{place}: not UTF-8 ({error.reason}): save the file as UTF-8.") from error
    if not text.strip():
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CasesError(f"{place}: not JSON ({error}): write one JSON object on each line.") from error
    if not isinstance(value, dict):
        raise CasesError(f"{place}: found {_kind(value)}: write one JSON object on each line.")
    return Record(path, number, cast("dict[str, object]", value))


def _kind(value: object) -> str:
    """What a JSON value is, in the words of its user."""
    match value:
        case None:
            return "missing or null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
