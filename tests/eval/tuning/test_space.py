"""The settings that are tried are valid, hold the current ones, and say how far an index must change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.tuning.space import Axis, Candidate, Space, chunking_axis, context_axes, retrieval_axes
from ingest.choices import ChunkingStrategy
from ingest.chunking.chunk import ChunkingSpec
from ingest.settings import ChunkingSettings, Settings, load_settings

WINDOW = 256


def settings_with(overrides: dict[str, object]) -> Settings:
    return load_settings(overrides, environment={})


def space_of(settings: Settings) -> Space:
    axes = [*retrieval_axes(settings), *context_axes(settings)]
    return Space((chunking_axis(settings.chunking, WINDOW), *axes))


@given(
    strategy=st.sampled_from(list(ChunkingStrategy)),
    size=st.integers(32, 8192),
    overlap=st.integers(0, 64),
    weight=st.floats(0, 1),
    tokens=st.none() | st.integers(1, 5000),
)
def test_every_option_is_a_valid_setting_and_the_current_one_is_among_them(
    strategy: ChunkingStrategy, size: int, overlap: int, weight: float, tokens: int | None
) -> None:
    settings = settings_with(
        {
            "chunking.strategy": strategy,
            "chunking.max_tokens": size,
            "chunking.overlap_tokens": overlap,
            "retrieval.dense_weight": weight,
            "retrieval.passage_tokens": tokens,
            "rerank.model": "some",
        }
    )
    space = space_of(settings)
    starts = list(space.starts())
    assert space.at(starts[0]).applied(settings).model_dump() == settings.model_dump()
    for axis in space.axes:
        for place in range(len(axis.options)):
            tried = space.at(starts[0] | {axis.name: place}).applied(settings)
            assert Settings.model_validate(tried.model_dump()) == tried


def specs(window: int) -> list[ChunkingSpec]:
    """How the options of chunking cut, for chunks of 128 tokens."""
    settings = settings_with({"chunking.max_tokens": 128})
    options = chunking_axis(settings.chunking, window).options
    return [ChunkingSpec.from_settings(Candidate(option).applied(settings).chunking) for option in options]


def test_no_two_options_cut_alike_and_none_is_larger_than_the_window() -> None:
    cut = specs(WINDOW)
    assert len(set(cut)) == len(cut)
    assert cut[0] == ChunkingSpec.from_settings(ChunkingSettings(max_tokens=128))
    assert {spec.max_tokens for spec in cut} == {64, 128, 256}
    assert {spec.strategy for spec in cut} == set(ChunkingStrategy)
    assert {spec.overlap_tokens for spec in cut} == {0, 32}
    assert {spec.max_tokens for spec in specs(128)} == {64, 128}


def test_a_reranker_is_tuned_only_where_there_is_one() -> None:
    def names(settings: Settings) -> set[str]:
        return {axis.name for axis in retrieval_axes(settings)}

    assert names(settings_with({})) == {"retrieval.dense_weight", "retrieval.depth"}
    assert names(settings_with({"rerank.model": "m"})) > {"rerank.depth", "rerank.margin"}


def test_a_search_starts_from_the_current_settings_and_each_other_index() -> None:
    space = Space(
        (
            Axis("chunking", ((("chunking.max_tokens", 128),), (("chunking.max_tokens", 64),)), 0, False),
            Axis("retrieval.depth", ((("retrieval.depth", 50),), (("retrieval.depth", 100),)), 1, True),
        )
    )
    assert list(space.starts()) == [
        {"chunking": 0, "retrieval.depth": 1},
        {"chunking": 1, "retrieval.depth": 1},
    ]
