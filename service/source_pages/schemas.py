"""The JSON of where text stands on its pages."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from ingest.document import TextBox
from service.schemas import ResponseBody


class BoxBody(ResponseBody):
    """Where a line stands on its page: fractions of the page as it is shown, from its upper left corner."""

    page: int
    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


class BoxesBody(ResponseBody):
    """The lines that a span of a document's text stands in; none where the format knows no places."""

    document_id: str
    boxes: tuple[BoxBody, ...] = Field(description="in the order of the text, whole lines")

    @classmethod
    def of(cls, document_id: str, boxes: Iterable[TextBox]) -> BoxesBody:
        return cls(
            document_id=document_id,
            boxes=tuple(
                BoxBody(
                    page=box.page,
                    start=box.start,
                    end=box.end,
                    left=box.left,
                    top=box.top,
                    right=box.right,
                    bottom=box.bottom,
                )
                for box in boxes
            ),
        )
