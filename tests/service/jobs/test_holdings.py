from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.document import Document, document_id
from ingest.errors import CollectionNotFoundError, DocumentNotFoundError, DocumentNotUploadedError
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Docstore, Origin
from ingest.snapshots.snapshot import DOCUMENTS
from ingest.sources.uploads import upload_address
from service.jobs import holdings
from service.jobs.holdings import list_documents, uploaded_as


def document(uri: str, *groups: str) -> Document:
    text = f"the text of {uri}"
    metadata = {"acl": groups} if groups else {}
    return Document(document_id(uri, text), uri, uri, text, "en", (), (), "0" * 64, metadata)


def publish(home: Path, *documents: tuple[Document, str], collection: str = "docs") -> None:
    """A snapshot that holds these documents, each with the address of its source, and no index."""
    folder = Collection(home, collection).snapshots / "snapshot-1"
    folder.mkdir(parents=True)
    store = Docstore(folder / DOCUMENTS, writable=True)
    for held, source in documents:
        store.add(held, Origin(source, "key"), ())
    store.seal()
    store.close()
    Collection(home, collection).publish("snapshot-1")


@settings(max_examples=15)
@given(
    st.lists(st.sampled_from([(), ("hr",), ("it",), ("hr", "it")]), max_size=12),
    st.frozensets(st.sampled_from(["hr", "it"])),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_pages_show_each_document_once_and_none_of_other_groups(
    tmp_path_factory: pytest.TempPathFactory,
    access: list[tuple[str, ...]],
    groups: frozenset[str],
    limit: int,
    batch: int,
) -> None:
    home = tmp_path_factory.mktemp("home")
    documents = [document(f"upload:///{number:02}.md", *acl) for number, acl in enumerate(access)]
    publish(home, *((held, held.uri) for held in documents))
    shown: list[str] = []
    after: str | None = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdings, "_MANY", batch)
        while after is not None:
            page = list_documents(home, "docs", groups, after, limit)
            assert len(page.documents) <= limit
            shown += [row.uri for row in page.documents]
            after = page.next
    assert shown == [d.uri for d, acl in zip(documents, access, strict=True) if not acl or groups & set(acl)]


def test_only_a_whole_upload_that_one_may_see_is_told_by_its_name(tmp_path: Path) -> None:
    own, secret = document(upload_address("报告 1.md")), document("upload:///secret.md", "hr")
    other, member = document("file:///docs/a.md"), document("upload:///a.zip!/b.md")
    publish(
        tmp_path,
        (own, own.uri),
        (secret, secret.uri),
        (other, other.uri),
        (member, "upload:///a.zip"),
    )
    nobody: frozenset[str] = frozenset()
    assert uploaded_as(tmp_path, "docs", own.id, nobody) == ("报告 1.md", {})
    assert uploaded_as(tmp_path, "docs", secret.id, frozenset({"hr"}))[0] == "secret.md"
    for hidden in (secret.id, "none"):
        with pytest.raises(DocumentNotFoundError):
            uploaded_as(tmp_path, "docs", hidden, nobody)
    with pytest.raises(DocumentNotUploadedError, match="next ingest"):
        uploaded_as(tmp_path, "docs", other.id, nobody)
    with pytest.raises(DocumentNotUploadedError, match=r"part of upload:///a\.zip"):
        uploaded_as(tmp_path, "docs", member.id, nobody)
    with pytest.raises(CollectionNotFoundError):
        uploaded_as(tmp_path, "others", own.id, nobody)
