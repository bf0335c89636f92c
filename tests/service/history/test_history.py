"""What is kept comes back, from both databases."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingest.errors import AnswerNotFoundError, DatabaseError, SettingsError
from ingest.filters.filters import EVERYTHING
from ingest.filters.forms import read_filter
from service.answer import Answer, Reranking, Sentence, Served
from service.history.feedback import CitationVerdict, Feedback, new_feedback, timestamp
from service.history.history import History
from service.question import Inquiry, SamplingWish

INQUIRY = Inquiry(
    "Which rank?",
    passages=4,
    history=("What is LoRA?", "Small matrices. [1]"),
    wanted=read_filter({"language": ["en", "zh"], "year": {"gte": 2024, "lt": 2026}, "draft": {"not": True}}),
    groups=frozenset({"hr", "legal"}),
    asker="ann",
    sampling=SamplingWish(max_tokens=20, temperature=0.5, stop=("\n",), seed=7),
)


def test_an_answer_comes_back_as_it_was_kept(history: History, answer: Answer) -> None:
    full = replace(
        answer,
        standalone_question="What is the default rank of LoRA?",
        queries=("What is its default?", "What is the default rank of LoRA?"),
        reranking=Reranking.FAILED,
        asker="ann",
        sentences=(Sentence(0, 4, True, 0.75, (1,)),),
    )
    history.keep(full)
    stored = history.get(full.id)
    assert stored.answer == full
    assert stored.answer.citations[0].chunk.heading_path
    assert (stored.feedback, stored.inquiry) == ((), None)


@pytest.mark.parametrize(
    "inquiry", [INQUIRY, Inquiry("Which rank?"), Inquiry("Which rank?", groups=frozenset())]
)
def test_what_was_asked_comes_back_with_all_its_conditions(
    history: History, answer: Answer, inquiry: Inquiry
) -> None:
    history.keep(replace(answer, question=inquiry.question, asker=inquiry.asker), inquiry)
    assert history.get(answer.id).inquiry == inquiry


def test_keeping_an_answer_twice_changes_nothing(history: History, answer: Answer) -> None:
    history.keep(answer)
    history.keep(replace(answer, text="another"))
    assert history.get(answer.id).answer == answer


def test_an_unknown_answer_is_an_error(history: History) -> None:
    for unknown in ("nope", "no\0pe"):
        with pytest.raises(AnswerNotFoundError, match="'no"):
            history.get(unknown)
        with pytest.raises(AnswerNotFoundError, match="'no"):
            history.add_feedback(new_feedback(unknown, "up"))
    assert list(history.feedback()) == []


def test_an_answer_is_preferred_to_one_that_is_kept(history: History, answer: Answer) -> None:
    history.keep(answer)
    with pytest.raises(AnswerNotFoundError, match="'gone'"):
        history.add_feedback(new_feedback(answer.id, "up", preferred_over="gone"))
    assert history.get(answer.id).feedback == ()


def test_feedback_comes_back_as_it_was_given(history: History, answer: Answer) -> None:
    history.keep(answer)
    history.keep(replace(answer, id="other"))
    said = new_feedback(
        answer.id,
        correction="Sixteen.",
        wrong_citations=(2,),
        citations=(CitationVerdict(1, "up"),),
        preferred_over="other",
        ranking=(answer.id, "other"),
    )
    history.add_feedback(said)
    assert history.get(answer.id).feedback == (said,)
    assert said.citations == (CitationVerdict(1, "up"), CitationVerdict(2, "down"))


def test_feedback_is_kept_in_order_and_found_by_time(history: History, answer: Answer) -> None:
    history.keep(answer)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    judgements = [
        Feedback(f"f{n}", answer.id, "down", f"better {n}", None, timestamp(moment + timedelta(days=n)))
        for n in range(3)
    ]
    for judgement in reversed(judgements):
        history.add_feedback(judgement)
    at_once = [replace(judgements[2], id=f"at once {n}") for n in range(9, 0, -1)]
    for judgement in at_once:
        history.add_feedback(judgement)
    assert list(history.feedback()) == judgements + at_once
    assert list(history.feedback(since=moment + timedelta(days=1))) == judgements[1:] + at_once
    assert history.get(answer.id).feedback == (*judgements, *at_once)


def test_the_latest_thumb_is_the_outcome_whatever_was_said_since(history: History, answer: Answer) -> None:
    history.keep(answer)
    for said in (
        new_feedback(answer.id, "up"),
        new_feedback(answer.id, "down"),
        new_feedback(answer.id, comment="hm"),
    ):
        history.add_feedback(said)
    (outcome,) = history.outcomes(datetime(2020, 1, 1, tzinfo=UTC))
    assert (outcome.verdict, outcome.total_ms) == ("down", 1280.5)
    assert history.outcomes(datetime.now(UTC) + timedelta(days=1)) == []


def test_a_correction_without_a_thumb_finds_fault(history: History, answer: Answer) -> None:
    history.keep(answer)
    history.add_feedback(new_feedback(answer.id, "up"))
    history.add_feedback(new_feedback(answer.id, correction="It is 16."))
    (outcome,) = history.outcomes(datetime(2020, 1, 1, tzinfo=UTC))
    assert outcome.verdict == "down"


def test_what_the_cache_gave_again_is_an_outcome_without_a_time(history: History, answer: Answer) -> None:
    for number, served in enumerate((None, *Served)):
        history.keep(replace(answer, id=f"{number}", cache=served))
    outcomes = history.outcomes(datetime(2020, 1, 1, tzinfo=UTC))
    assert [outcome.total_ms for outcome in outcomes] == [1280.5, None]


def test_all_answers_are_gone_through_in_order(
    history: History, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.history.history._ANSWERS_AT_ONCE", 3)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    kept = [
        replace(
            answer,
            id=f"a{n}",
            created_at=timestamp(moment + timedelta(days=n // 4)),
            asker="ann" if n % 2 else None,
        )
        for n in range(9)
    ]
    for one in reversed(kept):
        history.keep(one)
    history.add_feedback(new_feedback("a4", "up"))
    assert [stored.answer for stored in history.answers()] == kept
    assert [len(stored.feedback) for stored in history.answers()] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert [stored.answer.id for stored in history.answers(since=moment + timedelta(days=2))] == ["a8"]
    assert [stored.answer.id for stored in history.answers(asker="ann")] == ["a1", "a3", "a5", "a7"]


def test_what_is_old_or_of_one_asker_is_deleted_with_what_was_said_of_it(
    history: History, answer: Answer
) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    for day, asker in enumerate(("ann", "bob", "ann", None)):
        one = replace(answer, id=f"a{day}", created_at=timestamp(moment + timedelta(days=day)), asker=asker)
        history.keep(one)
        history.add_feedback(new_feedback(one.id, "up", preferred_over="a0"))
    assert history.purge(moment + timedelta(days=1)) == 1
    assert [said.preferred_over for said in history.feedback()] == [None, None, None]
    assert history.forget("ann") == 1
    assert [stored.answer.id for stored in history.answers()] == ["a1", "a3"]
    assert [said.answer_id for said in history.feedback()] == ["a1", "a3"]


def test_another_reader_sees_what_was_kept(history: History, place: Path | str, answer: Answer) -> None:
    reader = History(place)
    try:
        history.keep(answer)
        assert reader.get(answer.id).answer == answer
    finally:
        reader.close()


def test_many_threads_may_write_at_once(history: History, answer: Answer) -> None:
    def write(name: str) -> None:
        for number in range(20):
            history.keep(replace(answer, id=f"{name}-{number}"))
            history.add_feedback(new_feedback(f"{name}-{number}", "up"))

    run_together(4, lambda n: write(f"t{n}"))
    assert len(list(history.feedback())) == 80


def test_servers_that_start_together_upgrade_once(place: Path | str, answer: Answer) -> None:
    def start(number: int) -> None:
        opened = History(place)
        opened.keep(replace(answer, id=f"a{number}"))
        opened.close()

    run_together(4, start)
    reader = History(place)
    assert len(list(reader.answers())) == 4
    reader.close()


def run_together(count: int, work: Callable[[int], None]) -> None:
    failures: list[Exception] = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
def test_any_text_may_be_asked_and_said(history: History, answer: Answer, text: str) -> None:
    asked = replace(answer, id=uuid.uuid4().hex, question=text, text=text)
    history.keep(asked, replace(INQUIRY, question=text, asker=None, history=(text,)))
    history.add_feedback(new_feedback(asked.id, "up", comment=f"{text}."))
    stored = history.get(asked.id)
    assert stored.answer.question == text.replace("\0", "\ufffd")
    assert stored.inquiry is not None
    assert stored.inquiry.history == (text,)


def test_personal_data_is_covered_before_it_is_kept(place: Path | str, answer: Answer) -> None:
    history = History(place, redact=True)
    told = replace(
        answer, question="Mail ann@acme.io?", text=f"ann@acme.io {answer.text}", queries=("ann@acme.io",)
    )
    try:
        history.keep(told, Inquiry("Mail ann@acme.io?", history=("I am ann@acme.io",)))
        history.add_feedback(new_feedback(told.id, "down", "bob@acme.io", "call +44 20 7946 0958"))
        stored = history.get(told.id)
        assert stored.answer.question == "Mail •••••••••••?"
        assert stored.answer.text == f"••••••••••• {answer.text}"
        assert stored.answer.queries == ("•••••••••••",)
        assert stored.answer.passages == answer.passages
        assert stored.inquiry == Inquiry(
            "Mail •••••••••••?", history=("I am •••••••••••",), wanted=EVERYTHING
        )
        (said,) = stored.feedback
        assert (said.correction, said.comment) == ("•••••••••••", "call ••••••••••••••••")
    finally:
        history.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"these are not the bytes of a database" * 100)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="cannot be used as the history"):
        History(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:p4ss@host/db", "postgresql://u:p4ss@host"])
def test_a_url_of_no_postgresql_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"history\.url") as caught:
        History(url)
    assert "p4ss" not in str(caught.value)


def test_a_server_that_cannot_be_reached_is_told_without_the_password() -> None:
    with pytest.raises(DatabaseError, match=r"history\.url cannot be used") as caught:
        History("postgresql://u:p4ss@127.0.0.1:1/db")
    assert "p4ss" not in str(caught.value)
    assert "\n" not in str(caught.value)
