"""unstructured with its strategy ``fast``: the elements of text PDFs.

It tells kinds of text by a spaCy model that it fetches from a code host at first use. An empty English
pipeline stands in for that model here, which takes less time and cuts the same elements.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ |= {"DO_NOT_TRACK": "1", "UNSTRUCTURED_DISABLE_NOTICE": "1"}


def _empty_pipeline() -> Any:
    pipeline: Any = import_module("spacy").blank("en")
    pipeline.add_pipe("sentencizer")
    return pipeline


_TOKENIZE: Any = import_module("unstructured.nlp.tokenize")
_TOKENIZE._load_spacy_model = _empty_pipeline
_PDF: Any = import_module("unstructured.partition.pdf")


def read(paths: Sequence[Path]) -> Iterator[str]:
    """The text of every element."""
    return (
        element.text for path in paths for element in _PDF.partition_pdf(filename=str(path), strategy="fast")
    )
