from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.mine_rows import Blame, RetrievalRow
from finetune.data.passages import IndexPassages
from finetune.encoders.labels import Label, LabelFiles, Labels, LeftOut, filled, read_labels
from finetune.settings.encoders import LabelSection
from ingest.errors import TrainingDataError
from tests.finetune.handbook import BACKUPS, QUESTIONS, RANKS, question, small_index, write_questions
from tests.small_handbook import chunks_of, make_document

ONE = LabelSection(negatives=1, held_out=0.4)


def labels(
    folder: Path, rows: Sequence[dict[str, object]] = QUESTIONS, mined: Sequence[dict[str, object]] = ()
) -> Labels:
    questions = write_questions(folder / "questions.jsonl", rows)
    feedback = write_questions(folder / "mined.jsonl", mined) if mined else None
    index = small_index()
    passages = IndexPassages("snapshot", index, index)
    return read_labels(LabelFiles(questions, feedback), passages, index, ONE, seed=0)


def test_the_passage_with_the_evidence_answers_and_others_do_not(tmp_path: Path) -> None:
    by_id = {label.id: label for label in labels(tmp_path).train}
    every = {row["id"]: row for row in QUESTIONS}
    assert by_id
    for name, label in by_id.items():
        evidence = str(every[name]["evidence"])
        assert evidence in label.answer.text
        assert len(label.others) == 1
        assert not any(evidence in chunk.text for chunk in label.others)


def test_what_is_held_out_is_about_other_documents(tmp_path: Path) -> None:
    found = labels(tmp_path)
    trained = {label.answer.uri.rpartition("/")[2] for label in found.train}
    measured = {name for query in found.held_out for name in query.grades}
    assert measured
    assert trained.isdisjoint(measured)
    assert len(found.train) + len(found.held_out) == len(QUESTIONS) - 1  # of one the answer is nowhere


def test_a_named_document_is_enough(tmp_path: Path) -> None:
    rows = [
        {**question(name, text, document, None), "answers": []}
        for name, text, document in (
            ("rank", "What is the default rank?", "rank.md"),
            ("copy", "What is copied for backups?", "backups.md"),
            ("again", "Where do backups go when the home is copied?", "backups.md"),
            ("zh", "引用指向哪里？", "citations.zh.md"),
        )
    ]
    found = labels(tmp_path, rows)
    for label in found.train:
        document = next(str(row["document"]) for row in rows if row["id"] == label.id)
        assert label.answer.uri.endswith(f"/{document}")
        assert all(not chunk.uri.endswith(f"/{document}") for chunk in label.others)


def test_what_readers_said_is_learned_but_of_what_is_held_out(tmp_path: Path) -> None:
    plain = labels(tmp_path)
    known = (
        chunks_of(make_document("rank.md", "", RANKS)),
        chunks_of(make_document("backups.md", "", BACKUPS)),
    )
    rank, backup = known[0][0].text, known[1][0].text
    trained = {label.answer.uri.rpartition("/")[2] for label in plain.train}
    ours, theirs = (rank, backup) if "rank.md" in trained else (backup, rank)
    row = RetrievalRow("feedback:1", "and what is decided?", ours, (theirs,), Blame.NOT_RETRIEVED, "en")
    mined = [
        row,
        replace(row, id="feedback:2", positive=None),
        replace(row, id="feedback:3", positive="a passage of another collection"),
        replace(row, id="feedback:4", query=f" {plain.held_out[0].text.upper()}"),
    ]
    found = labels(tmp_path, mined=[asdict(row) for row in mined])
    [label] = [label for label in found.train if label.id.startswith("feedback")]
    assert (label.answer.text, [chunk.text for chunk in label.others]) == (ours, [theirs])
    assert found.left_out[LeftOut.OTHER_COLLECTION] == 2
    assert found.left_out[LeftOut.HELD_OUT] == 1
    assert found.held_out == plain.held_out


def test_a_document_that_the_collection_lacks_is_an_error(tmp_path: Path) -> None:
    rows = [question(f"q{n}", f"What is {n}?", f"gone-{n}.md", None, "it") for n in range(4)]
    with pytest.raises(TrainingDataError, match="not in the collection"):
        labels(tmp_path, rows)


def test_questions_without_documents_cannot_be_measured_on(tmp_path: Path) -> None:
    rows = [{**row, "document": None, "evidence": None} for row in QUESTIONS]
    with pytest.raises(TrainingDataError, match="names the document"):
        labels(tmp_path, rows)


def test_a_broken_file_of_mined_rows_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"mined\.jsonl, line 1: the field 'positive'"):
        labels(tmp_path, mined=[{"id": "feedback:1", "query": "what?", "positive": 3, "negatives": []}])


PLACES = [chunks_of(make_document(f"{name}.md", "", f"of {name}\n\nand of {name}\n")) for name in range(13)]


@given(st.lists(st.integers(0, 25), min_size=4, max_size=12), st.integers(1, 3), st.integers(0, 5))
def test_every_label_gets_as_many_others_none_of_its_own_document(
    places: list[int], count: int, seed: int
) -> None:
    likely = PLACES[0][0]
    given_labels = [
        Label(f"q{n}", f"question {n}", PLACES[place // 2][place % 2], (likely,) if place > 20 else ())
        for n, place in enumerate(places)
    ]
    try:
        complete = filled(given_labels, count, seed)
    except TrainingDataError:
        assert len(set(places)) <= count + 2  # two passages of its own document are none
        return
    assert complete == filled(given_labels, count, seed)
    for label, before in zip(complete, given_labels, strict=True):
        assert len({other.id for other in label.others}) == count
        assert label.others[: len(before.others)] == before.others
        assert label.answer.document_id not in {other.document_id for other in label.others}


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(TrainingDataError, match="no question is left"):
        filled([], 1, 0)
