"""Queries in the layout of BEIR (Thakur et al. 2021, arXiv:2104.08663), and their answers if they have any.

``queries.jsonl`` holds ``_id, text`` and optionally ``answers, is_impossible, lang, context_id, tags,
answer_type, qtype, history``. The documents that ``qrels/test.tsv`` or ``qrels.tsv`` beside it grade above 0,
and the one that ``context_id`` names hold the answer, or were asked in vain; their texts come from
``corpus.jsonl``, where there is one. Queries without any answer can be searched for, not answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from eval.cases.case import UNKNOWN_LANGUAGE, Case, CasePassage, Relevant
from eval.cases.forms.own import turns
from eval.jsonl import Record, read_records
from eval.retrieval.datasets import find_judgements, read_judgements, unique_records
from ingest.errors import CasesError

QUERIES = "queries.jsonl"
_CORPUS = "corpus.jsonl"


class Queries:
    """Reads the queries of a file with the judgements and the corpus beside it.

    Of the corpus, only the texts that a query names are held, each once.
    """

    def __init__(self, path: Path) -> None:
        """Read what stands beside the queries ``path``.

        Raises:
            CasesError: a judgement or a query names an id that is not there, or an id stands twice.
        """
        folder = path.parent
        contexts = {record.text("_id"): record.optional_text("context_id") for record in read_records(path)}
        self._named: defaultdict[str, list[str]] = defaultdict(list)
        self._passages: dict[str, CasePassage] | None = None
        judgements = find_judgements(folder) if path.name == QUERIES else None
        self._judged = judgements is not None
        corpus = folder / _CORPUS
        if corpus.is_file():
            documents = {record.text("_id") for record in unique_records(corpus)}
            if judgements is not None:
                for query, grades in read_judgements(judgements, contexts.keys(), documents).items():
                    self._named[query] = [document for document, grade in grades.items() if grade > 0]
            wanted = {name for names in self._named.values() for name in names} | set(contexts.values())
            self._passages = _passages(corpus, wanted)

    def cases(self, record: Record) -> Iterable[Case]:
        """The case of a query.

        Raises:
            CasesError: a field is of another kind, or the query names a document that is not in the corpus.
        """
        name = record.text("_id")
        context = record.optional_text("context_id")
        answers = record.texts("answers")
        answerable = not record.optional_flag("is_impossible")
        named = list(dict.fromkeys(([context] if context else []) + self._named[name]))
        if answerable and not answers and not named and self._judged:
            return  # another split's: nothing can be measured on it
        kinds = (("answer", record.optional_text("answer_type")), ("type", record.optional_text("qtype")))
        yield Case(
            id=name,
            question=record.text("text"),
            language=record.optional_text("lang") or UNKNOWN_LANGUAGE,
            answers=answers,
            answerable=answerable,
            relevant=tuple(map(Relevant, named)) if answerable else (),
            tags=(*record.texts("tags"), *(f"{tag}:{kind}" for tag, kind in kinds if kind)),
            history=turns(record),
            passages=self._case_passages(record, named, answerable),
            origin=named[0] if named and not answerable else None,
        )

    def _case_passages(
        self, record: Record, named: Sequence[str], answerable: bool
    ) -> tuple[CasePassage, ...]:
        if self._passages is None:
            return ()
        missing = [name for name in named if name not in self._passages]
        if missing:
            raise record.fail(f"there is no document {missing[0]!r} in {_CORPUS}: correct the id.")
        found = [self._passages[name] for name in named]
        return tuple(CasePassage(passage.text, answerable, passage.title) for passage in found)


def queries_of(folder: Path) -> Path:
    """The queries of a folder in the layout of BEIR.

    Raises:
        CasesError: it is none.
    """
    path = folder / QUERIES
    if not path.is_file():
        raise CasesError(
            f"{folder} is a folder without {QUERIES}: give a file of cases, or a folder laid out as BEIR's."
        )
    return path


def _passages(corpus: Path, wanted: set[str | None]) -> dict[str, CasePassage]:
    return {
        name: CasePassage(
            record.optional_text("text") or "", relevant=True, title=record.optional_text("title") or ""
        )
        for record in read_records(corpus)
        if (name := record.text("_id")) in wanted
    }
