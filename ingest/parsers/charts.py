"""A chart -> its titles, and its figures as a table: a row for each category, a column for each series."""

from __future__ import annotations

from ingest.document import BlockKind
from ingest.parsers.drawing_text import one_line
from ingest.parsers.grid import Row, write_rows
from ingest.parsers.number_format import show_plain
from ingest.parsers.text_builder import TextBuilder, clean_text, collapse_space
from ingest.parsers.xml_tree import Element

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_AXES = (f"{_C}catAx", f"{_C}valAx", f"{_C}dateAx", f"{_C}serAx")
_MAX_POINTS = 10_000


def write_chart(builder: TextBuilder, chart: Element) -> None:
    """Append what a chart says: the figures it keeps beside the drawing, not those of a linked workbook."""
    builder.add(BlockKind.PARAGRAPH, one_line(chart.find(f"{_C}chart/{_C}title")))
    axes = [one_line(axis.find(f"{_C}title")) for axis in chart.iter(*_AXES)]
    builder.add(BlockKind.PARAGRAPH, ", ".join(title for title in axes if title))
    header: Row = {}
    rows: dict[int, Row] = {}
    for number, series in enumerate(chart.iter(f"{_C}ser"), 1):
        header[number] = next(iter(_points(series.find(f"{_C}tx")).values()), "")
        categories = _points(series.find(f"{_C}cat")) or _points(series.find(f"{_C}xVal"))
        values = _points(series.find(f"{_C}val")) or _points(series.find(f"{_C}yVal"))
        for index in sorted({*categories, *values}):
            row = rows.setdefault(index, {})
            row.setdefault(0, categories.get(index, ""))
            row[number] = values.get(index, "")
    if rows:
        named = any(header.values())
        write_rows(builder, [header, *rows.values()] if named else list(rows.values()), int(named))


def _points(source: Element | None) -> dict[int, str]:
    """The values of a series by their index; of categories in several levels the innermost."""
    found: dict[int, str] = {}
    if source is None:
        return found
    for point in source.iter(f"{_C}pt"):
        index, value = point.get("idx") or "", point.find(f"{_C}v")
        if index.isdecimal() and value is not None and len(found) < _MAX_POINTS:
            found.setdefault(int(index), _shown(value.text or ""))
    return found


def _shown(text: str) -> str:
    try:
        return show_plain(float(text))
    except (ValueError, OverflowError):
        return collapse_space(clean_text(text))
