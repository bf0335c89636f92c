"""Builds: a text is embedded once, nothing is lost or doubled, and history leaves no trace in a search."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from ingest.pipeline import ingest
from ingest.progress import Publication, Silent
from ingest.report import IngestReport
from ingest.request import IngestRequest
from ingest.settings import ChunkingSettings, IngestSettings, Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.snapshot import open_snapshot
from tests.ingest.conftest import CountedParsing, CountingEmbedder
from tests.ingest.snapshot_tools import (
    assert_sound,
    chunk_ids,
    counts,
    found_by_words,
    places_by_text,
    vectors_by_chunk,
)

FEE = "The fee is 50 dollars a month, and the bill comes on the first working day.\n"
GATE = "Every adapter passes a gate before it is served, and the gate compares it.\n"
COPY = "Copy the home directory while the server runs, since snapshots never change.\n"
RANK = "A rank of 16 is the default, and it is enough for most of the domains.\n"
QUERIES = ("fee dollars", "gate adapter", "home directory", "rank default", "检索")

pytestmark = pytest.mark.usefixtures("parsing")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    return docs


def run(docs: Path, settings: Settings, *, request: IngestRequest | None = None) -> IngestReport:
    """An ingest of the folder that leaves the collection sound."""
    report = ingest(replace(request or IngestRequest(), paths=(docs,)), "docs", settings)
    if report.snapshot:
        assert_sound(settings)
    return report


def names_by_text(settings: Settings) -> dict[str, list[str]]:
    """As ``places_by_text``, with the names of the files alone."""
    return {text: [uri.rpartition("/")[2] for uri in uris] for text, uris in places_by_text(settings).items()}


def zip_up(path: Path, members: Mapping[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


def sidecar(path: Path, **values: object) -> None:
    path.with_name(f"{path.name}.meta.json").write_text(json.dumps(values))


PRUNE = IngestRequest(prune=True)


@pytest.mark.parametrize("near_duplicates", [True, False])
@pytest.mark.parametrize("lexical_first", [True, False])
def test_a_renamed_file_is_not_embedded_again_and_not_lost(
    docs: Path, settings: Settings, words: CountingEmbedder, near_duplicates: bool, lexical_first: bool
) -> None:
    settings = settings.model_copy(
        update={"ingest": IngestSettings(near_duplicates=near_duplicates, keep_snapshots=1)}
    )
    (docs / "a.md").write_text(f"# Fees\n\n{FEE}")
    (docs / "b.txt").write_text(COPY)
    run(docs, settings)
    words.forget()
    (docs / "a.md").rename(docs / "fees.md")
    (docs / "b.txt").rename(docs / "backup.txt")
    report = run(docs, settings, request=IngestRequest(prune=True, lexical_first=lexical_first))
    assert counts(report) == (2, 0, 0, 2, 0)
    assert words.passages == 0
    assert names_by_text(settings) == {FEE.strip(): ["fees.md"], COPY.strip(): ["backup.txt"]}
    assert len(vectors_by_chunk(settings)) == 2


def test_editing_a_paragraph_embeds_the_changed_chunk_alone(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    paragraphs = [f"## Part {number}\n\n{FEE.replace('50', str(number))}" for number in range(30)]
    (docs / "long.md").write_text("# Handbook\n\n" + "\n".join(paragraphs))
    run(docs, settings)
    assert words.passages == 30
    words.forget()
    paragraphs[7] = paragraphs[7].replace("first working day", "last working day")
    (docs / "long.md").write_text("# Handbook\n\n" + "\n".join(paragraphs))
    report = run(docs, settings)
    assert counts(report) == (0, 1, 0, 0, 0)
    [text] = words.texts
    assert "last working day" in text
    assert len(vectors_by_chunk(settings)) == 30


def test_the_same_text_elsewhere_is_indexed_once_and_found_with_all_its_places(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (docs / name).write_text(FEE)
    report = run(docs, settings)
    assert (report.chunks_total, words.passages) == (3, 1)
    assert names_by_text(settings) == {FEE.strip(): ["a.txt", "b.txt", "c.txt"]}
    (docs / "a.txt").unlink()
    assert run(docs, settings, request=PRUNE).removed == 1
    assert names_by_text(settings) == {FEE.strip(): ["b.txt", "c.txt"]}
    assert words.passages == 1
    (docs / "b.txt").write_text(GATE)
    run(docs, settings)
    assert names_by_text(settings) == {FEE.strip(): ["c.txt"], GATE.strip(): ["b.txt"]}
    assert words.passages == 2


def test_twins_come_and_go_within_one_document(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    (docs / "a.md").write_text(f"# One\n\n{FEE}\n# Two\n\n{FEE}")
    (docs / "b.md").write_text(f"# Three\n\n{FEE}")
    run(docs, settings)
    assert names_by_text(settings) == {FEE.strip(): ["a.md", "a.md", "b.md"]}
    (docs / "a.md").unlink()
    run(docs, settings, request=PRUNE)
    assert names_by_text(settings) == {FEE.strip(): ["b.md"]}


def test_what_different_people_may_see_is_never_a_twin(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    for name, acl in (("a.txt", ["staff"]), ("b.txt", ["board"]), ("c.txt", ["staff"]), ("d.txt", None)):
        (docs / name).write_text(FEE)
        if acl:
            sidecar(docs / name, acl=acl)
    run(docs, settings)
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        assert len(snapshot.documents.indexed_numbers()) == 3
    assert words.passages == 1, "the vector may be shared all the same"


def test_metadata_that_change_update_the_document_and_embed_nothing(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    (docs / "a.txt").write_text(FEE)
    run(docs, settings)
    words.forget()
    sidecar(docs / "a.txt", acl=["staff"])
    assert counts(run(docs, settings)) == (0, 1, 0, 0, 0)
    assert counts(run(docs, settings)) == (0, 0, 1, 0, 0)
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        [summary] = snapshot.documents.document_summaries()
        document = snapshot.documents.document(summary.id)
    assert document is not None
    assert document.metadata["acl"] == ("staff",)
    assert words.passages == 0


def test_a_document_whose_access_list_cannot_be_read_is_withdrawn(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    for name, text in (("a.md", FEE), ("b.md", COPY), ("c.md", RANK)):
        (docs / name).write_text(text)
    run(docs, settings)
    (docs / "a.md").write_text(f"---\nacl: []\n---\n\n{FEE}")
    (docs / "b.md.meta.json").write_text("{")
    for _ in range(2):
        report = run(docs, settings)
        assert sorted(failure.code for failure in report.failures) == ["metadata_invalid"] * 2
        assert names_by_text(settings) == {RANK.strip(): ["c.md"]}
    sidecar(docs / "b.md", acl=["staff"])
    (docs / "a.md").write_text(FEE)
    assert counts(run(docs, settings)) == (2, 0, 1, 0, 0)


def test_a_folder_whose_metadata_cannot_be_read_is_withdrawn_and_no_other(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    (docs / "in").mkdir()
    (docs / "in" / "a.txt").write_text(FEE)
    (docs / "in.txt").write_text(COPY)
    run(docs, settings)
    (docs / "in" / ".meta.json").write_text("{")
    run(docs, settings)
    assert names_by_text(settings) == {COPY.strip(): ["in.txt"]}


def test_members_of_an_archive_are_added_updated_and_removed_with_it(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    zip_up(docs / "pack.zip", {"a.txt": FEE, "in/b.txt": COPY})
    assert counts(run(docs, settings)) == (1, 0, 0, 0, 0)
    assert {text: uris[0].partition("pack.zip")[2] for text, uris in places_by_text(settings).items()} == {
        FEE.strip(): "!/a.txt",
        COPY.strip(): "!/in/b.txt",
    }
    words.forget()
    zip_up(docs / "pack.zip", {"a.txt": FEE, "c.txt": GATE})
    assert counts(run(docs, settings)) == (0, 1, 0, 0, 0)
    assert names_by_text(settings) == {FEE.strip(): ["a.txt"], GATE.strip(): ["c.txt"]}
    assert words.passages == 1
    (docs / "pack.zip").unlink()
    assert counts(run(docs, settings)) == (0, 0, 0, 0, 0)
    report = run(docs, settings, request=PRUNE)
    assert (counts(report), report.chunks_total) == ((0, 0, 0, 1, 0), 0)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_bad_member_costs_no_other(
    docs: Path, settings: Settings, words: CountingEmbedder, names: str
) -> None:
    good, bad = (f"{name}.md" for name in names)
    zip_up(docs / "pack.zip", {f"{name}.md": FEE if f"{name}.md" == good else COPY for name in "ab"})
    run(docs, settings)
    texts = {good: FEE, bad: f"---\nacl: []\n---\n\n{COPY}"}
    zip_up(docs / "pack.zip", {f"{name}.md": texts[f"{name}.md"] for name in "ab"})
    for _ in range(2):
        [failure] = run(docs, settings).failures
        assert (failure.code, failure.path.rpartition("!/")[2]) == ("metadata_invalid", bad)
        assert names_by_text(settings) == {FEE.strip(): [good]}


def test_an_archive_of_which_nothing_may_be_seen_any_more_is_withdrawn(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    zip_up(docs / "pack.zip", {"a.md": FEE})
    run(docs, settings)
    zip_up(docs / "pack.zip", {"a.md": f"---\nacl: []\n---\n\n{FEE}"})
    assert len(run(docs, settings).failures) == 1
    assert names_by_text(settings) == {}


def test_failed_files_are_not_tried_again_until_they_change_or_it_is_asked_for(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing
) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    (docs / "a.txt").write_text(FEE)
    first = run(docs, settings)
    assert sorted(parsing.names) == ["a.txt", "broken.pdf"]
    parsing.names.clear()
    again = run(docs, settings)
    assert (counts(again), again.failures) == ((0, 0, 1, 0, 1), first.failures)
    assert parsing.names == []
    assert counts(run(docs, settings, request=IngestRequest(retry_failed=True))) == (0, 0, 1, 0, 1)
    assert parsing.names == ["broken.pdf"]
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and no more!")
    run(docs, settings)
    assert parsing.names == ["broken.pdf"] * 2


def test_an_archive_with_a_bad_member_is_tried_again_when_it_is_asked_for(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing
) -> None:
    zip_up(docs / "pack.zip", {"a.txt": FEE, "b.pdf": "%PDF-1.7 and no more"})
    assert counts(run(docs, settings)) == (1, 0, 0, 0, 1)
    before = chunk_ids(settings)
    assert counts(run(docs, settings)) == (0, 0, 1, 0, 1)
    assert parsing.names == ["pack.zip"]
    assert counts(run(docs, settings, request=IngestRequest(retry_failed=True))) == (0, 1, 0, 0, 1)
    assert parsing.names == ["pack.zip"] * 2
    assert chunk_ids(settings) == before


def test_bm25_is_published_before_the_vectors_and_the_vectors_follow(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    (docs / "a.txt").write_text(FEE)
    run(docs, settings)
    (docs / "b.txt").write_text(COPY)
    words.interrupt_after = 0
    with pytest.raises(KeyboardInterrupt):
        run(docs, settings, request=IngestRequest(lexical_first=True))
    with closing(open_snapshot(settings.home, "docs")) as snapshot:
        assert (snapshot.manifest.unembedded, len(snapshot.vectors)) == (1, 1)
    assert_sound(settings)
    assert [len(ids) for ids in found_by_words(settings, ["home directory", "fee"])] == [1, 1]
    words.interrupt_after = None
    report = run(docs, settings)
    assert (counts(report), report.unembedded) == ((0, 0, 2, 0, 0), 0)
    assert len(vectors_by_chunk(settings)) == 2


def test_publishing_bm25_first_makes_two_snapshots_of_which_the_second_is_kept(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    settings = settings.model_copy(update={"ingest": IngestSettings(keep_snapshots=2)})
    heard: list[tuple[str, int]] = []

    class Listener(Silent):
        def published(self, publication: Publication) -> None:
            heard.append((publication.snapshot, publication.unembedded))

    for number in range(3):
        (docs / f"{number}.txt").write_text(FEE.replace("50", str(number)))
        ingest(IngestRequest((docs,), lexical_first=True), "docs", settings, Listener())
    assert [unembedded for _, unembedded in heard] == [1, 0] * 3
    kept = [path.name for path in Collection(settings.home, "docs").published()]
    assert kept == [heard[3][0], heard[5][0]], "each has its vectors"
    assert words.passages == 3
    assert_sound(settings)


def test_a_run_that_adds_the_vectors_alone_takes_the_place_of_the_one_without(
    docs: Path, settings: Settings, words: CountingEmbedder
) -> None:
    (docs / "a.txt").write_text(FEE)
    words.interrupt_after = 0
    with pytest.raises(KeyboardInterrupt):
        run(docs, settings, request=IngestRequest(lexical_first=True))
    words.interrupt_after = None
    report = run(docs, settings)
    assert [path.name for path in Collection(settings.home, "docs").published()] == [report.snapshot]


def test_a_file_that_failed_in_an_interrupted_run_is_tried_again_when_asked_for(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing
) -> None:
    (docs / "a.txt").write_text(FEE)
    (docs / "b.pdf").write_bytes(b"%PDF-1.7 and no more")
    words.interrupt_after = 0
    with pytest.raises(KeyboardInterrupt):
        run(docs, settings)
    words.interrupt_after = None
    parsing.names.clear()
    assert run(docs, settings, request=IngestRequest(retry_failed=True)).failures[0].code == "file_broken"
    assert parsing.names == ["b.pdf"], "what could be read is not read again"


def test_what_was_known_of_a_member_stays_when_it_cannot_be_read_any_more(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing
) -> None:
    zip_up(docs / "all.zip", {"fee.txt": FEE, "gate.txt": GATE, "copy.txt": COPY})
    run(docs, settings)
    zip_up(docs / "all.zip", {"fee.txt": "", "gate.txt": RANK})
    report = run(docs, settings)
    assert (counts(report), report.failures[0].code) == ((0, 1, 0, 0, 1), "file_empty")
    assert names_by_text(settings) == {FEE.strip(): ["fee.txt"], RANK.strip(): ["gate.txt"]}
    parsing.names.clear()
    again = run(docs, settings)
    assert (counts(again), parsing.names, again.snapshot) == ((0, 0, 1, 0, 1), [], report.snapshot)
    zip_up(docs / "all.zip", {"gate.txt": RANK})
    run(docs, settings)
    assert names_by_text(settings) == {RANK.strip(): ["gate.txt"]}


@pytest.mark.parametrize("lexical_first", [True, False])
def test_cutting_anew_embeds_what_has_no_vector_alone(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing, lexical_first: bool
) -> None:
    (docs / "long.txt").write_text(" ".join([FEE.strip(), GATE.strip(), COPY.strip(), RANK.strip()]))
    (docs / "short.txt").write_text(RANK.replace("16", "32"))
    run(docs, settings)
    parsing.names.clear()
    words.forget()
    smaller = settings.model_copy(update={"chunking": ChunkingSettings(max_tokens=32)})
    report = run(docs, smaller, request=IngestRequest(lexical_first=lexical_first))
    assert (counts(report), parsing.names) == ((0, 0, 2, 0, 0), [])
    assert report.chunks_total > 2
    assert words.passages == report.chunks_total - 1, "the short one is cut as before"
    assert run(docs, smaller).snapshot == report.snapshot


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_run_that_was_interrupted_goes_on_where_it_was(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing, calls: int
) -> None:
    for number in range(150):
        (docs / f"{number:03}.txt").write_text(FEE.replace("50", str(number)) * (1 + number % 3))
    zip_up(docs / "pack.zip", {"a.txt": GATE, "b.txt": RANK, "bad.pdf": "%PDF-1.7 and no more"})
    words.interrupt_after = calls
    with pytest.raises(KeyboardInterrupt):
        run(docs, settings)
    assert Collection(settings.home, "docs").current_id() is None
    done = words.passages
    assert done == 64 * calls
    parsing.names.clear()
    words.forget()
    words.interrupt_after = None
    (docs / "000.txt").write_text(COPY)
    report = run(docs, settings)
    assert counts(report) == (151, 0, 0, 0, 1)
    assert parsing.names == ["000.txt"]
    distinct = len(places_by_text(settings))
    assert words.passages <= distinct - done + 1
    resumed = chunk_ids(settings), found_by_words(settings, QUERIES), vectors_by_chunk(settings)

    shutil.rmtree(settings.home / "collections")
    shutil.rmtree(settings.home / "work")
    run(docs, settings)
    assert (chunk_ids(settings), found_by_words(settings, QUERIES), vectors_by_chunk(settings)) == resumed


TEXTS = (FEE, GATE, COPY, RANK, f"{FEE}\n{GATE}", "先检索相关段落，再回答问题。\n")
NAMES = ("a.txt", "b.md", "c.txt", "in/d.md", "in/e.txt", "pack.zip")
STEPS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from((None, *range(len(TEXTS))))), min_size=1, max_size=4
)


def write(docs: Path, name: str, text: int | None) -> None:
    path = docs / name
    path.parent.mkdir(exist_ok=True)
    if text is None:
        path.unlink(missing_ok=True)
    elif name.endswith(".zip"):
        zip_up(path, {"one.txt": TEXTS[text], "two.txt": TEXTS[(text + 1) % len(TEXTS)]})
    else:
        path.write_text(TEXTS[text], "utf-8")


def result(settings: Settings) -> tuple[object, ...]:
    """All that a search can tell, whichever of some twins stands for the others."""
    places = {text: sorted(uris) for text, uris in places_by_text(settings).items()}
    vectors = sorted(vectors_by_chunk(settings).values())
    return places, chunk_ids(settings), [len(found) for found in found_by_words(settings, QUERIES)], vectors


@hypothesis.settings(
    max_examples=8, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], deadline=None
)
@hypothesis.given(history=st.lists(STEPS, min_size=1, max_size=4))
def test_any_history_ends_as_one_fresh_ingest_of_the_files_that_are_left(
    tmp_path: Path,
    settings: Settings,
    words: CountingEmbedder,
    history: Sequence[list[tuple[str, int | None]]],
) -> None:
    docs = tmp_path / "docs"
    for path in (docs, settings.home / "collections", settings.home / "work"):
        shutil.rmtree(path, ignore_errors=True)
    docs.mkdir()
    (docs / "always.txt").write_text("Something is always left to be found.\n")
    for steps in history:
        for name, text in steps:
            write(docs, name, text)
        run(docs, settings, request=PRUNE)
    found = result(settings)
    for path in (settings.home / "collections", settings.home / "work"):
        shutil.rmtree(path)
    run(docs, settings)
    assert result(settings) == found


def test_unchanged_files_are_not_read_again_and_touched_ones_are_hashed_only(
    docs: Path, settings: Settings, words: CountingEmbedder, parsing: CountedParsing
) -> None:
    past = 1_700_000_000
    for name, text in (("a.txt", FEE), ("b.txt", COPY)):
        (docs / name).write_text(text)
        os.utime(docs / name, (past, past))
    first = run(docs, settings)
    parsing.names.clear()
    (docs / "a.txt").write_text(FEE.replace("50", "60"))
    os.utime(docs / "a.txt", (past, past))
    assert counts(run(docs, settings)) == (0, 0, 2, 0, 0), "same size and time: as good as the same"
    os.utime(docs / "b.txt")
    assert run(docs, settings).snapshot == first.snapshot
    assert parsing.names == []
    os.utime(docs / "a.txt")
    assert counts(run(docs, settings)) == (0, 1, 1, 0, 0)
    assert parsing.names == ["a.txt"]
