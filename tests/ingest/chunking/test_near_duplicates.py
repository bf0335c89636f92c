"""Near-duplicates: what says the same is found, and what says something else never is."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.chunking.near_duplicates import SIGNATURE_BYTES, DuplicateFinder, signature
from ingest.errors import SettingsError

ENGLISH = (
    "Every adapter passes a gate before it is served. The gate compares it with the current release on "
    "held-out questions, and refuses it when a metric is worse. Copy the home directory while the server "
    "runs, because snapshots never change once they are published. The fee is 50 dollars a month for "
    "Berlin, and the history of answers is kept for 30 days in a file that an operator can read with the "
    "usual tools, on the same machine or on another one that the team has set up for this purpose."
)
CHINESE = (
    "每一个适配器在上线之前都要通过关卡。关卡会在留出的问题上与当前版本比较，只要有指标变差就拒绝上线。"
    "服务运行期间可以复制主目录，因为快照发布之后不会再改变。费用是每月50元，答案的历史记录保存30天，"
    "运维人员可以用常见的工具在同一台机器或另一台机器上读取这些记录。"
)
WORDS = st.sampled_from(["rank", "adapter", "gate", "release", "snapshot", "history", "operator", "tool"])
TEXTS = st.lists(st.one_of(WORDS, st.sampled_from(["50", "not", "检索", "LoRA", "。", "\n"])), max_size=60)


def is_same(left: str, right: str, threshold: float = 0.95) -> bool:
    finder = DuplicateFinder(threshold)
    assert finder.add(1, left) is None
    return finder.add(2, right) == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (ENGLISH, ENGLISH.replace(" ", "\n ").replace("gate ", "gate  ")),
        (ENGLISH, ENGLISH.replace("questions,", "questions").replace(". ", "; ")),
        (ENGLISH, ENGLISH.replace("machine", "*machine*").replace("Berlin", "**Berlin**")),
        (ENGLISH, f"{ENGLISH} again"),
        (CHINESE, CHINESE.replace("，", "；\n")),
        (CHINESE, f"{CHINESE}完"),
        ("Not now.", "Not\nnow"),
        ("好的，谢谢。", "好的谢谢"),
        ("★★★", "★★★ "),
    ],
)
def test_what_says_the_same_is_found(left: str, right: str) -> None:
    assert is_same(left, right)


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (ENGLISH, "50 dollars", "60 dollars"),
        (ENGLISH, "50 dollars", "-50 dollars"),
        (ENGLISH, "50 dollars", "$50 dollars"),
        (ENGLISH, "30 days", "thirty days"),
        (ENGLISH, "never change", "change"),
        (ENGLISH, "can read", "can't read"),
        (ENGLISH, "Berlin", "Paris"),
        (ENGLISH, "before it", "after it"),
        (ENGLISH, "50", "30"),
        (CHINESE, "50元", "60元"),
        (CHINESE, "不会再", "会再"),
        (CHINESE, "之前", "之后"),
        (CHINESE, "每月", "每两月"),
        ("The fee is 50.", "50", "60"),
        ("Yes, it is.", "is", "was"),
        ("★★★", "★★★", "★★"),
    ],
)
def test_a_small_change_that_matters_is_told_apart(text: str, old: str, new: str) -> None:
    assert old in text
    assert not is_same(text, text.replace(old, new, 1))


def test_facts_that_changed_places_are_told_apart() -> None:
    swapped = ENGLISH.replace("50", "#").replace("30", "50").replace("#", "30")
    assert not is_same(ENGLISH, swapped)


def test_short_texts_are_the_same_only_word_for_word() -> None:
    assert not is_same("the gate is open to the team", "the gate is open to a team", threshold=0.7)


def test_where_every_sign_counts_only_white_space_is_overlooked() -> None:
    code = "def run(a, b):\n    return a + b  # the sum of both arguments, as the caller expects it to be\n"
    finder = DuplicateFinder()
    assert finder.add(1, code, exact=True) is None
    assert finder.add(2, code.replace(" + ", " - "), exact=True) is None
    assert finder.add(3, code.replace("    ", "\t"), exact=True) == 1


def test_the_lowest_number_of_those_that_say_the_same_is_given() -> None:
    finder = DuplicateFinder()
    assert [finder.add(number, ENGLISH) for number in (7, 3, 9)] == [None, 7, 7]
    assert finder.add(7, CHINESE) is None, "a number that is kept again is replaced"
    assert finder.add(1, ENGLISH) is None
    assert finder.add(2, CHINESE) == 7
    assert len(finder) == 2


def test_a_discarded_chunk_is_found_no_more() -> None:
    finder = DuplicateFinder()
    finder.add(1, ENGLISH)
    finder.discard(1)
    finder.discard(5)
    assert len(finder) == 0
    assert finder.add(2, ENGLISH) is None


@pytest.mark.parametrize("threshold", [0.5, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(SettingsError, match="near-duplicates"):
        DuplicateFinder(threshold)


def test_a_signature_is_compact_and_depends_on_nothing_but_the_text() -> None:
    assert len(signature(ENGLISH)) == SIGNATURE_BYTES <= 256
    assert len(signature("short")) == len(signature(ENGLISH, exact=True)) == 24
    assert signature(ENGLISH)[24:36].hex() == "38b87822e51efb596406fe06"
    assert signature(ENGLISH)[16:24].hex() == "1a4016d5ed0b9094"


@given(
    texts=st.lists(TEXTS.map(" ".join), min_size=4, max_size=8), threshold=st.sampled_from([0.7, 0.95, 1.0])
)
def test_a_finder_that_was_closed_goes_on_where_it_was(texts: list[str], threshold: float) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "twins.sqlite"
        through = DuplicateFinder(threshold)
        before = DuplicateFinder(threshold, path)
        first = [before.add(number, text) for number, text in enumerate(texts[:3])]
        before.close()
        after = DuplicateFinder(threshold, path)
        rest = [after.add(number, text) for number, text in enumerate(texts[3:], 3)]
        assert first + rest == [through.add(number, text) for number, text in enumerate(texts)]
        assert after.numbers() == through.numbers()
        after.abandon()
        after.abandon()


def test_texts_of_different_groups_are_never_the_same() -> None:
    finder = DuplicateFinder()
    assert finder.add(1, ENGLISH, group="staff") is None
    assert finder.add(2, ENGLISH) is None
    assert finder.add(3, ENGLISH, group="board") is None
    assert [finder.add(4, ENGLISH, group="staff"), finder.add(5, ENGLISH)] == [1, 2]


@given(words=TEXTS, space=st.sampled_from([" ", "\n", "  \n\n", "\t"]))
def test_a_text_says_the_same_as_itself_in_other_lines(words: list[str], space: str) -> None:
    assert is_same(" ".join(words), space.join(words))


@given(
    words=st.lists(WORDS, min_size=1, max_size=80),
    at=st.integers(0),
    numbers=st.tuples(*[st.integers(0)] * 2),
)
def test_texts_with_different_numbers_are_never_the_same(
    words: list[str], at: int, numbers: tuple[int, int]
) -> None:
    assume(numbers[0] != numbers[1])
    place = at % (len(words) + 1)
    left, right = (" ".join([*words[:place], str(number), *words[place:]]) for number in numbers)
    assert not is_same(left, right, threshold=0.7)


@given(count=st.integers(20, 90), changed=st.sets(st.integers(0, 89), min_size=12))
def test_texts_that_share_few_words_are_never_the_same(count: int, changed: set[int]) -> None:
    words = [f"w{chr(97 + index // 10)}{chr(97 + index % 10)}" for index in range(count)]
    spread = {place for place in changed if place < count} | {0, count // 3, count // 2, count - 5}
    assume(len(spread) > count // 5)
    other = [f"x{word}" if index in spread else word for index, word in enumerate(words)]
    assert not is_same(" ".join(words), " ".join(other))


def test_a_thousand_chunks_take_a_moment() -> None:
    texts = [f"{ENGLISH[:400]} {index} {CHINESE[:60]}" for index in range(1000)]
    finder = DuplicateFinder()
    started = time.process_time()
    assert not any(finder.add(number, text) for number, text in enumerate(texts))
    assert time.process_time() - started < 5
