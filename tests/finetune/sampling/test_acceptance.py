from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finetune.data.rows import ExampleKind, TrainingExample
from finetune.sampling.acceptance import harvest, hold_refusals, is_right, refusal_share
from finetune.sampling.sampler import Sampled
from finetune.settings.rft import RftSection
from service.generate import Message
from service.prompt import PROMPT_ID, template_for

REFUSAL = template_for("en").refusal


def example(kind: ExampleKind = ExampleKind.GOLD, name: str = "q") -> TrainingExample:
    return TrainingExample(
        name,
        (Message("user", "When was the bridge built?"),),
        ("It rained in 1950.", "The bridge was built in 1976."),
        "In 1976 [2]" if kind is ExampleKind.GOLD else REFUSAL,
        kind,
        "en",
        PROMPT_ID,
        None,
        "d",
        answers=("1976", "in 1976") if kind is ExampleKind.GOLD else (),
    )


def right(text: str, kind: ExampleKind = ExampleKind.GOLD, *, ended: bool = True) -> bool:
    return is_right(example(kind), Sampled(text, ended), 0.6)


def test_a_right_answer_cites_a_source_that_holds_it() -> None:
    assert right("In 1976 [2].")
    assert not right("In 1976 [1].")
    assert not right("In 1976 [7].")
    assert not right("In 1976.")
    assert not right("In 1950 [1].")
    assert not right("In 1976 [2].", ended=False)
    assert not right(REFUSAL)


def test_a_refusal_is_right_exactly_where_one_is_due() -> None:
    assert right(REFUSAL, ExampleKind.REFUSAL)
    assert not right("In 1976 [2].", ExampleKind.REFUSAL)
    assert not right(f"{REFUSAL} [1]", ExampleKind.REFUSAL)


def test_the_same_answer_is_learned_once_and_what_nobody_solved_keeps_its_target() -> None:
    solved, unsolved = example(name="a"), example(name="b")
    samples = [
        [Sampled("In 1976 [2].", True), Sampled("in 1976. [2]", True), Sampled("1976 [2]", True)],
        [Sampled("In 1950 [1].", True)] * 3,
    ]
    found = harvest([solved, unsolved], samples, RftSection())
    assert [(row.id, row.target) for row in found.examples] == [
        ("a:rft0", "1976 [2]"),
        ("a:rft1", "In 1976 [2]."),
        ("b", unsolved.target),
    ]
    assert (found.questions, found.samples, found.accepted, found.solved) == (2, 6, 3, 1)
    assert found.solved_share == 0.5
    dropped = harvest([solved, unsolved], samples, RftSection(unsolved="drop"))
    assert all(row.id.startswith("a:") for row in dropped.examples)


def test_what_rules_cannot_judge_stays_as_it_is() -> None:
    replay = example(ExampleKind.REPLAY)
    found = harvest([replay], [[Sampled("anything", True)]], RftSection())
    assert found.examples == (replay,)
    assert found.questions == 0


@given(gold=st.integers(1, 60), refusals=st.integers(1, 60), share=st.floats(0.05, 0.6))
def test_the_share_of_refusals_is_held(gold: int, refusals: int, share: float) -> None:
    rows = [example(name=str(n)) for n in range(gold)]
    rows += [example(ExampleKind.REFUSAL, f"r{n}") for n in range(refusals)]
    held = hold_refusals(rows, share, seed=0)
    assert [row for row in rows if row in held] == list(held)
    before, after = refusal_share(rows), refusal_share(held)
    assert abs(after - share) <= abs(before - share) + 1 / len(held)
    assert 0 < after < 1
