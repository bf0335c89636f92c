"""Who may see a document is decided before anything is scored, in both indexes and in the document route."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from ingest.embed import Embedder
from ingest.filters.access import groups_of, may_see
from ingest.pipeline import ingest_documents
from ingest.settings import RetrievalSettings, Settings
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from service.retrieval.retrieve import Retriever
from service.retrieval.retrieve_mode import SearchMode
from tests.ingest.conftest import CountingEmbedder
from tests.small_handbook import make_document

pytestmark = pytest.mark.usefixtures("counted")

_GROUPS = ((), ("staff",), ("hr",), ("staff", "hr"), ("*",))


@pytest.fixture
def snapshot(settings: Settings, counted: CountingEmbedder) -> Iterator[Snapshot]:
    """A document for every combination of groups, all of them about the same thing."""
    documents = []
    for number, groups in enumerate(_GROUPS):
        plain = make_document(f"{number}.md", f"Salaries {number}", f"Salaries of year {number} rise in May.")
        documents.append(replace(plain, metadata={"acl": groups} if groups else {}))
    ingest_documents(documents, "docs", settings)
    with closing(open_snapshot(settings.home, "docs")) as opened:
        yield opened


@pytest.mark.parametrize("mode", list(SearchMode))
@pytest.mark.parametrize("groups", [(), ("staff",), ("hr",), ("staff", "hr"), ("nobody",)])
def test_only_what_may_be_seen_is_found(
    snapshot: Snapshot, embedder: Embedder, mode: SearchMode, groups: tuple[str, ...]
) -> None:
    retriever = Retriever(snapshot, embedder, RetrievalSettings(groups=groups))
    found = {
        hit.chunk.uri.rsplit("/", 1)[1] for hit in retriever.retrieve("When do salaries rise?", 10, mode)
    }
    allowed = {
        f"{number}.md" for number, acl in enumerate(_GROUPS) if not acl or not set(acl).isdisjoint(groups)
    }
    assert found == allowed


def test_filtering_changes_no_score(snapshot: Snapshot, embedder: Embedder) -> None:
    everyone = Retriever(snapshot, embedder, RetrievalSettings(groups=("staff", "hr", "*")))
    public = Retriever(snapshot, embedder, RetrievalSettings())
    scores = {hit.chunk.id: hit for hit in everyone.retrieve("When do salaries rise?", 10)}
    for hit in public.retrieve("When do salaries rise?", 10):
        assert hit.lexical_score == pytest.approx(scores[hit.chunk.id].lexical_score)
        assert hit.dense_score == pytest.approx(scores[hit.chunk.id].dense_score)


def test_a_document_without_groups_is_everyones() -> None:
    assert groups_of({}) == ()
    assert may_see({}, set())
    assert not may_see({"acl": ("hr",)}, {"staff"})
    assert may_see({"acl": ("hr", "staff")}, {"staff"})
