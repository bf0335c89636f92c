"""A handbook small enough to read at a glance, and how its documents are cut, shared by tests."""

from __future__ import annotations

from ingest.document import Block, BlockKind, Chunk, Document, chunk_id, document_id


def make_document(name: str, title: str, text: str, language: str = "en") -> Document:
    """A document whose lines starting with ``#`` are headings and whose other lines are paragraphs."""
    uri = f"file:///handbook/{name}"
    blocks: list[Block] = []
    path: tuple[str, ...] = ()
    offset = 0
    for line in text.splitlines(keepends=True):
        stripped = line.rstrip("\n")
        if stripped:
            heading = stripped.startswith("#")
            path = (stripped.lstrip("# "),) if heading else path
            kind = BlockKind.HEADING if heading else BlockKind.PARAGRAPH
            blocks.append(Block(kind, offset, offset + len(stripped), path))
        offset += len(line)
    return Document(
        id=document_id(uri, text),
        uri=uri,
        title=title,
        text=text,
        language=language,
        pages=(),
        blocks=tuple(blocks),
        content_sha256="0" * 64,
    )


def chunks_of(document: Document) -> list[Chunk]:
    """One chunk for each paragraph."""
    return [
        Chunk(
            id=chunk_id(document.id, block.start, block.end),
            document_id=document.id,
            uri=document.uri,
            title=document.title,
            heading_path=block.heading_path,
            text=document.text[block.start : block.end],
            start=block.start,
            end=block.end,
            page_start=document.page_at(block.start),
            page_end=document.page_at(block.end - 1),
            kind=block.kind,
            language=document.language,
        )
        for block in document.blocks
        if block.kind is not BlockKind.HEADING
    ]


LORA_TEXT = """# Fine-tuning with LoRA

LoRA freezes the weights of the base model and trains two small matrices beside each of its projections. \
What is learned is kept in a few megabytes, so one base model can serve many adapters.

# Choosing the rank

The rank of an adapter decides how much it can learn. A rank of 16 is the default, and it is enough for \
most domains 🐎. Raise it to 32 only when the training loss stays high and more data has not helped.

Alpha is set to twice the rank. Changing both at once makes runs hard to compare.

# Before an adapter is served

Every adapter passes a gate before it is served. The gate compares it with the current release on held-out \
questions, and refuses it when any metric is significantly worse.
"""

OPERATIONS_TEXT = """# Backups

The home directory holds everything that must survive. Copy it while the server runs: snapshots never change \
once they are published, and the history of answers is an SQLite file in WAL mode.

# Choosing hardware

Two cores and two gigabytes of memory serve the embedded model. A rank of 16 trains on the same machine in \
about ten minutes.
"""

CHINESE_TEXT = """# 检索增强生成

检索增强生成先从文档中找出相关段落，再让模型只根据这些段落回答问题。𠮷野家的例子说明，生僻字也要正确计数。

# 引用

每一条引用都指向原文中的确切位置。引用的文字与原文逐字相同，读者可以自己核对。
"""


def small_handbook() -> list[Document]:
    """Two English documents and a Chinese one; two of them hold characters outside the BMP."""
    return [
        make_document("lora.md", "Fine-tuning guide", LORA_TEXT),
        make_document("operations.md", "Operating Troika", OPERATIONS_TEXT),
        make_document("rag.zh.md", "检索增强生成入门", CHINESE_TEXT, "zh"),
    ]
