"""Which of the titles that a file states is worth showing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingest.parsers.text_builder import clean_text, collapse_space

MAX_TITLE_CHARACTERS = 300

_LEFT_BY_A_PROGRAM = re.compile(
    r"""(?:microsoft\s+(?:word|powerpoint|excel)\s+-\s.*        # the printer driver's
    |(?:word|microsoft\s+word)\s+(?:document|文档)|powerpoint\s+presentation|(?:document|doc|presentation|文档)\s*\d*
    |\(?(?:untitled|anonymous|unspecified|无标题|未命名|無標題|no\s+title|title|none|null)\)?\s*[\d.]*
    |.*\.(?:docx?|pdf|tex|dvi|indd|qxd|pptx?|xlsx?|txt|rtf|html?|pmd|p65|fm|eps|ai|jpe?g|png|tiff?)
    |[\W\d_]*)\Z""",
    re.IGNORECASE | re.VERBOSE,
)


def first_usable_title(candidates: Iterable[str | None]) -> str | None:
    """The first of ``candidates`` that someone wrote as a title; None when there is none.

    What programs put there (a file name, "untitled", "Microsoft Word - draft.doc") is passed over.
    """
    for candidate in candidates:
        title = collapse_space(clean_text(candidate or ""))
        if title and len(title) <= MAX_TITLE_CHARACTERS and not _LEFT_BY_A_PROGRAM.match(title):
            return title
    return None
