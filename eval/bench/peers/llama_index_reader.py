"""LlamaIndex as its first steps show it: ``SimpleDirectoryReader`` and ``SentenceSplitter``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

_CORE: Any = import_module("llama_index.core")
_SPLITTER: Any = import_module("llama_index.core.node_parser").SentenceSplitter()
import_module("llama_index.readers.file")  # without it, its reader takes the bytes of a PDF for text


def read(paths: Sequence[Path]) -> Iterator[str]:
    """The text of every node."""
    documents = _CORE.SimpleDirectoryReader(input_files=list(map(str, paths))).load_data()
    return (node.text for node in _SPLITTER.get_nodes_from_documents(documents))
