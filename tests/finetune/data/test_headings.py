from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.headings import heading_of


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("In 1825 the Erie Canal opened. The Erie Canal joined Buffalo and Albany.", "Erie Canal"),
        ("The University of Oslo is old.", "The University of Oslo"),
        ("valves open at noon and close at dusk", "valves open at noon"),
        ("黄蝉（学名：'）别称为硬枝黄蝉。", "黄蝉"),
        ("2008年夏季奥林匹克运动会在北京举行。", "年夏季奥林匹克运动会在北"),
    ],
)
def test_a_heading_names_what_the_text_is_about(text: str, heading: str) -> None:
    assert heading_of(text) == heading


@given(st.text())
def test_any_text_gets_a_heading_of_its_own_words(text: str) -> None:
    heading = heading_of(text)
    assert " ".join(heading.split()) in " ".join(text.split())
    assert bool(heading) == bool(text.split())
