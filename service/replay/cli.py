"""``troika replay``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import JsonOption
from ingest.settings import load_settings

if TYPE_CHECKING:
    from service.answer import Answer, Citation
    from service.replay.difference import Difference

replay_app = typer.Typer(add_completion=False)

_MARKS = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
_CONDITIONS = ("release", "prompt_id", "generator", "degraded", "abstained", "groundedness", "evidence")


@replay_app.command()
def replay(
    answer_id: Annotated[str, typer.Argument(help="The id that the answer carried.")],
    release: Annotated[
        str | None,
        typer.Option(help="A kept adapter, or `base`, to answer in place of the one that did."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer again as before, from the same snapshot, and show the difference; exit 1 where there is one."""
    from service.replay.again import replay as answer_again

    difference = asyncio.run(answer_again(load_settings(), answer_id, release))
    if as_json:
        typer.echo(json.dumps(difference_to_json(difference), ensure_ascii=False))
    else:
        typer.echo("\n".join(difference_lines(difference)))
    if not difference.equal:
        raise typer.Exit(1)


def difference_to_json(difference: Difference) -> dict[str, Any]:
    """A difference as ``troika replay --json`` prints it."""
    from service.schemas import answer_to_json

    return {
        "answer_id": difference.then.id,
        "equal": difference.equal,
        "then": answer_to_json(difference.then),
        "now": answer_to_json(difference.now),
        "text": [{"change": piece.change, "text": piece.text} for piece in difference.text],
        "lost_citations": list(map(_citation_json, difference.lost_citations)),
        "new_citations": list(map(_citation_json, difference.new_citations)),
        "passages": [
            {
                "chunk_id": passage.chunk_id,
                "headline": passage.headline,
                "marker": [passage.marker_then, passage.marker_now],
                "score": [passage.score_then, passage.score_now],
                "changed": passage.is_change,
            }
            for passage in difference.passages
        ],
    }


def difference_lines(difference: Difference) -> Iterator[str]:
    """A difference for a terminal: ``[-removed-]``, ``{+added+}``, and before -> after."""
    then, now = difference.then, difference.now
    yield f"Q: {then.question}  (snapshot {then.snapshot_id})"
    yield "".join(_MARKS[piece.change].format(piece.text) for piece in difference.text)
    for sign, citations in (("-", difference.lost_citations), ("+", difference.new_citations)):
        for citation in citations:
            yield f"{sign} [{citation.marker}] {citation.chunk.headline}: “{citation.quote}”"
    for passage in difference.passages:
        if passage.is_change:
            places = f"{_shown(passage.marker_then)} -> {_shown(passage.marker_now)}"
            scores = f"{_shown(passage.score_then)} -> {_shown(passage.score_now)}"
            yield f"passage {places}, score {scores}: {passage.headline}"
    for name in _CONDITIONS:
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            yield f"{name}: {_shown(before)} -> {_shown(after)}"
    yield f"time: {_milliseconds(then)} -> {_milliseconds(now)}"
    yield "the same answer" if difference.equal else "another answer"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _milliseconds(answer: Answer) -> str:
    return f"{answer.timings_ms.get('total', 0.0):.0f} ms"


def _citation_json(citation: Citation) -> dict[str, Any]:
    from service.schemas import CitationBody

    return CitationBody.of(citation).model_dump(mode="json")
