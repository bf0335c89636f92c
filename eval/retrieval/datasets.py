"""A retrieval data set in the layout of BEIR (Thakur et al. 2021, arXiv:2104.08663).

``corpus.jsonl`` holds ``_id, title, text``, ``queries.jsonl`` holds ``_id, text``, and
``qrels/test.tsv`` or ``qrels.tsv`` a header and then query id, document id and grade, separated by tabs.
``lang`` is optional in both, ``tags`` in a query; ``history`` of a query holds the turns before it, oldest
first, as texts or as objects with a ``text``. Queries with fold ``train`` are left out, and so are those
without a judgement: nothing can be measured on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from eval.cases.case import UNKNOWN_LANGUAGE
from eval.cases.forms.own import turns
from eval.jsonl import Record, read_records
from ingest.errors import CasesError

_SCHEME = "dataset:"
_CORPUS = "corpus.jsonl"


@dataclass(frozen=True, slots=True)
class Query:
    """A query and the grades of the documents that were judged for it (0: not relevant).

    ``history`` holds the turns of a conversation before it, oldest first; ``tags`` name the slices that it
    is counted in.
    """

    id: str
    text: str
    language: str
    grades: Mapping[str, int]
    history: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of the corpus; ``text`` may be empty when the title says it all."""

    id: str
    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A corpus with judged queries. ``corpus_sha256`` is of the corpus file's bytes."""

    name: str
    corpus_path: Path
    corpus_sha256: str
    queries: tuple[Query, ...]

    def documents(self) -> Iterator[CorpusDocument]:
        """The corpus, read from its file as it is consumed."""
        return map(_corpus_document, read_records(self.corpus_path))


def read_dataset(folder: Path, *, limit: int | None = None) -> Dataset:
    """Read the data set in ``folder``, with at most ``limit`` queries.

    Raises:
        CasesError: a file is missing or not in the documented form, an id is used twice, or a judgement
            names a query or document that is not there.
    """
    corpus = folder / _CORPUS
    documents = _unique_ids(corpus)
    records = {record.text("_id"): record for record in unique_records(folder / "queries.jsonl")}
    grades = read_judgements(_judgements_path(folder), records.keys(), documents)
    queries = [
        Query(
            name,
            record.text("text"),
            record.optional_text("lang") or UNKNOWN_LANGUAGE,
            grades[name],
            turns(record),
            record.texts("tags"),
        )
        for name, record in records.items()
        if name in grades and record.values.get("fold") != "train"
    ]
    if not queries:
        raise CasesError(
            f"{folder} holds no judged query of a fold other than 'train': nothing can be measured."
        )
    with corpus.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Dataset(folder.resolve().name, corpus, digest, tuple(queries[:limit]))


def dataset_folders(folder: Path) -> list[Path]:
    """``folder`` itself where it is a data set, else the data sets with judgements in it, by name.

    Raises:
        CasesError: it is neither.
    """
    if (folder / _CORPUS).exists() or not folder.is_dir():
        return [folder]
    found = sorted(path for path in folder.iterdir() if (path / _CORPUS).is_file() and find_judgements(path))
    if not found:
        raise CasesError(f"{folder} holds neither {_CORPUS} nor folders with it: give a data set.")
    return found


def corpus_uri(dataset: str, document: str) -> str:
    """The URI under which a corpus document is indexed."""
    return f"{_SCHEME}{quote(dataset)}/{quote(document, safe=':')}"


def corpus_id(uri: str) -> str:
    """The corpus id in a URI that ``corpus_uri`` made."""
    return unquote(uri.partition("/")[2])


def _judgements_path(folder: Path) -> Path:
    found = find_judgements(folder)
    if found is None:
        raise CasesError(
            f"{folder} has neither qrels/test.tsv nor qrels.tsv: give a folder in the BEIR layout."
        )
    return found


def find_judgements(folder: Path) -> Path | None:
    """The file of judgements in a folder in the layout of BEIR; None without one."""
    paths = (folder / "qrels" / "test.tsv", folder / "qrels.tsv")
    return next((path for path in paths if path.is_file()), None)


def read_judgements(
    path: Path, queries: Collection[str], documents: Collection[str]
) -> dict[str, dict[str, int]]:
    """The grade of each judged document, by query.

    Raises:
        CasesError: a line is no judgement, or names a query or document that is not there.
    """
    grades: dict[str, dict[str, int]] = {}
    for number, line in _text_lines(path):
        fields = line.split("\t")
        if number == 1 and not _is_grade(fields[-1]):
            continue
        place = f"{path}, line {number}"
        if len(fields) != 3 or not _is_grade(fields[2]):
            raise CasesError(
                f"{place}: found {line[:80]!r}: write query id, document id and grade between tabs."
            )
        query, document, grade = fields
        if query not in queries:
            raise CasesError(f"{place}: there is no query {query!r} in queries.jsonl: correct the id.")
        if document not in documents:
            raise CasesError(f"{place}: there is no document {document!r} in corpus.jsonl: correct the id.")
        grades.setdefault(query, {})[document] = int(grade)
    return grades


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise CasesError(
                    f"{path}, line {number}: not UTF-8 ({error.reason}): save the file as UTF-8."
                ) from error
            if text.strip():
                yield number, text


def _is_grade(field: str) -> bool:
    try:
        int(field)
    except ValueError:
        return False
    return True


def _unique_ids(path: Path) -> frozenset[str]:
    return frozenset(record.text("_id") for record in unique_records(path))


def unique_records(path: Path) -> Iterator[Record]:
    """The records of a file of queries or documents.

    Raises:
        CasesError: a record has no ``_id``, or one that another has.
    """
    lines: dict[str, int] = {}
    for record in read_records(path):
        name = record.text("_id")
        if name in lines:
            raise record.fail(f"the id {name!r} was used on line {lines[name]}: make each id unique.")
        lines[name] = record.line
        yield record


def _corpus_document(record: Record) -> CorpusDocument:
    return CorpusDocument(
        id=record.text("_id"),
        title=record.optional_text("title") or "",
        text=record.optional_text("text") or "",
        language=record.optional_text("lang") or UNKNOWN_LANGUAGE,
    )
