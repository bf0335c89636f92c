"""CSV, TSV and their kin -> one table, a line for each row.

The delimiter is told from the first lines: the one that cuts them most evenly into the most columns. Line
ends within a cell become spaces, rows may be ragged, and a quotation mark that is never closed does not
swallow the rest of the file. Lines above the table with a single cell are its heading.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from ingest.document import BlockKind
from ingest.errors import FileTooLargeError
from ingest.parsers.decode import decode_text
from ingest.parsers.tables import has_header, row_line
from ingest.parsers.text_builder import ParsedFile, TextBuilder

_DELIMITERS = (",", "\t", ";", "|")
_STATED_DELIMITER = re.compile(r"sep=(?P<delimiter>[,;|\t])[ \t]*\n", re.IGNORECASE)
_SAMPLE_LINES = 100
_SAMPLE_CHARACTERS = 200_000
_MAX_COLUMNS = 20_000
_MAX_CAPTION_ROWS = 5


def parse(content: bytes) -> ParsedFile:
    """The table of a file of delimited values."""
    text = decode_text(content)
    stated = _STATED_DELIMITER.match(text)
    if stated:
        text = text[stated.end() :]
    # The limit is one for the whole process; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    rows = _read(text, stated["delimiter"] if stated else _delimiter(text))
    builder = TextBuilder()
    captions = _caption_rows(rows)
    for index, row in enumerate(rows[:captions]):
        caption = next(cell for cell in row if cell)
        if index:
            builder.add(BlockKind.PARAGRAPH, caption)
        else:
            builder.add_heading(caption, 1)
    table = rows[captions:]
    builder.add_table([row_line(row) for row in table], header_rows=int(has_header(table)))
    return builder.build()


def _read(text: str, delimiter: str) -> list[list[str]]:
    """The rows that hold anything, each cell on one line."""
    rows = _split(text, delimiter, quoted=True)
    if '"' in text and rows and any("\n" in cell for cell in rows[-1]):
        # The last row goes over several lines, as it does where a quotation mark is never closed.
        is_closed = text.rstrip().endswith('"') and text.count('"') % 2 == 0
        rows = rows if is_closed else _split(text, delimiter, quoted=False)
    stripped = (list(map(str.strip, row)) for row in rows)
    return [_one_line(row) for row in stripped if any(row)]


def _one_line(row: list[str]) -> list[str]:
    """The cells without line ends and runs of spaces, which few cells have."""
    joined = "".join(row)
    plain = joined.isprintable() and "  " not in joined
    return row if plain else [" ".join(cell.split()) for cell in row]


def _split(text: str, delimiter: str, *, quoted: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        skipinitialspace=True,  # a space before a quotation mark would make the mark part of the cell
    ):
        if len(row) > _MAX_COLUMNS:
            raise FileTooLargeError(
                f"a row of the table has {len(row)} cells, and at most {_MAX_COLUMNS} are read: swap its "
                "rows and columns, or leave out columns."
            )
        rows.append(row)
    return rows


def _delimiter(text: str) -> str:
    """The character that separates the cells; a comma where no character separates anything."""
    sample = "".join(text[:_SAMPLE_CHARACTERS].splitlines(keepends=True)[:_SAMPLE_LINES])
    return max(_DELIMITERS, key=lambda delimiter: _evenness(sample, delimiter))


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    """How alike the lengths of the rows are that ``delimiter`` makes, and their usual length.

    The share of rows of the usual length, nothing for rows of one cell: a table of one column has no
    delimiter at all. Commas in prose make rows of all lengths.
    """
    if delimiter not in sample:
        return 0.0, 0
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
    lengths = Counter(len(row) for row in reader if row)
    if not lengths:
        return 0.0, 0
    usual, count = max(lengths.items(), key=lambda item: (item[1] if item[0] > 1 else 0, item[0]))
    return (round(count / lengths.total(), 1) if usual > 1 else 0.0), usual


def _caption_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many rows above the table hold one cell alone, where the table has three columns or more."""
    columns = max((sum(map(bool, row)) for row in rows[:_SAMPLE_LINES]), default=0)
    if columns < 3:
        return 0
    count = 0
    while count < min(_MAX_CAPTION_ROWS, len(rows) - 2) and sum(map(bool, rows[count])) == 1:
        count += 1
    return count if len(rows) > 2 else 0
