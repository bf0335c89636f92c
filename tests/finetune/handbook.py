"""A small collection in memory: documents of a few paragraphs, a chunk for each, and a word search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.document import Chunk, Document, Hit
from ingest.snapshots.docstore import DocumentSummary
from ingest.words.terms import terms
from tests.small_handbook import chunks_of, make_document

RANKS = """# Rank

The rank of an adapter decides how much it can learn. The default rank is 16.

Alpha is set to twice the rank, so the scale stays 2.
"""
BACKUPS = """# Backups

Copy the home directory while the server runs. Snapshots never change once they are published.

The default port of the server is 8080.
"""
CHINESE = """# 引用

每一条引用都指向原文中的确切位置。读者可以自己核对引用的文字。

检索增强生成先找出相关段落，再根据段落回答问题。
"""


@dataclass
class MemoryIndex:
    """Behind ``finetune.data.passages.Documents`` and ``Search``."""

    kept: Sequence[Document]

    def document_summaries(self) -> list[DocumentSummary]:
        return [
            DocumentSummary(d.id, d.uri, d.title, d.language, 0, d.content_sha256, d.uri, d.content_sha256)
            for d in self.kept
        ]

    def document(self, document_id: str) -> Document | None:
        return next((document for document in self.kept if document.id == document_id), None)

    def chunks_of(self, document_id: str) -> list[Chunk]:
        document = self.document(document_id)
        return [] if document is None else chunks_of(document)

    def retrieve(self, query: str, k: int) -> list[Hit]:
        wanted = set(terms(query))
        chunks = [chunk for document in self.kept for chunk in chunks_of(document)]
        scored = [(len(wanted & set(terms(chunk.text))), -n, chunk) for n, chunk in enumerate(chunks)]
        return [
            Hit(chunk, float(score))
            for score, _, chunk in sorted(scored, key=lambda s: s[:2], reverse=True)[:k]
        ]


def small_index() -> MemoryIndex:
    """Two English documents and a Chinese one."""
    return MemoryIndex(
        [
            make_document("rank.md", "Choosing the rank", RANKS),
            make_document("backups.md", "Operating", BACKUPS),
            make_document("citations.zh.md", "引用的规则", CHINESE, "zh"),
        ]
    )


def question(
    identity: str, text: str, document: str | None, evidence: str | None, *answers: str
) -> dict[str, object]:
    """A row of a questions file; without a document it cannot be answered."""
    return {
        "id": identity,
        "question": text,
        "language": "zh" if any(character > "\u2e80" for character in text) else "en",
        "answerable": document is not None,
        "document": document,
        "evidence": evidence,
        "answers": list(answers),
    }


QUESTIONS = [
    question("rank", "What is the default rank?", "rank.md", "The default rank is 16.", "16"),
    question("alpha", "What is alpha set to?", "rank.md", "Alpha is set to twice the rank", "twice the rank"),
    question(
        "port", "Which port is the default?", "backups.md", "The default port of the server is 8080.", "8080"
    ),
    question(
        "copy",
        "What is copied for a backup?",
        "backups.md",
        "Copy the home directory while",
        "home directory",
    ),
    question(
        "zh", "引用指向哪里？", "citations.zh.md", "每一条引用都指向原文中的确切位置。", "原文中的确切位置"
    ),
    question("none", "Who wrote the server?", None, None),
]


def write_questions(path: Path, rows: Sequence[dict[str, object]] = tuple(QUESTIONS)) -> Path:
    """Write ``rows`` as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path
