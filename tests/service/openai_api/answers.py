"""Answers to be shown."""

from __future__ import annotations

from service.answer import Answer, Degradation, Usage


def answer_of(
    text: str,
    *,
    abstained: bool = False,
    usage: Usage | None = None,
    degraded: Degradation | None = None,
) -> Answer:
    """An answer that says ``text``."""
    return Answer(
        id="a1",
        question="Which?",
        text=text,
        language="en",
        citations=(),
        passages=(),
        abstained=abstained,
        groundedness=1.0,
        evidence=1.0,
        invented_markers=0,
        degraded=degraded,
        generator="scripted",
        prompt_id="p",
        release="base",
        collection="default",
        snapshot_id="s1",
        timings_ms={},
        usage=usage or Usage(),
        created_at="2026-11-21T00:00:00.000+00:00",
    )
