"""``troika history``: take the kept answers out, or delete them."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.settings import Settings, load_settings
from service.access.cli import read_span

if TYPE_CHECKING:
    from service.cache.answer_cache import AnswerCache
    from service.history.history import History

history_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Export, purge and forget the answers that are kept."
)

AskerOption = Annotated[str | None, typer.Option(help="Only what was answered to this key or person.")]


@history_app.command("export")
def export_command(
    file: Annotated[Path, typer.Argument(help="Written as JSON Lines, an answer a line.")],
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Answered at this time (UTC) or later."),
    ] = None,
    asker: AskerOption = None,
) -> None:
    """Write the answers with what was said of them, as ``GET /v1/answers/ID`` gives them."""
    from service.history.feedback_schemas import StoredAnswerBody

    count = 0
    with _history(load_settings()) as history, file.open("w", encoding="utf-8") as lines:
        for stored in history.answers(since and since.replace(tzinfo=UTC), asker):
            row = StoredAnswerBody.of_stored(stored).model_dump(mode="json") | {"asker": stored.answer.asker}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    typer.echo(f"{count} answers: {file}")


@history_app.command("purge")
def purge_command(
    older_than: Annotated[
        timedelta, typer.Option(parser=read_span, metavar="SPAN", help="The least age, as 90d.")
    ],
) -> None:
    """Delete old answers, with what was said of them."""
    settings = load_settings()
    before = datetime.now(UTC) - older_than
    with _answer_cache(settings) as cache, _history(settings) as history:
        if cache is not None:
            cache.purge(before)
        typer.echo(f"{history.purge(before)} answers deleted")


@history_app.command("forget")
def forget_command(
    asker: Annotated[str, typer.Option(help="The name of the key or person, as answers were kept under it.")],
) -> None:
    """Delete what one asker was answered, with what was said of it."""
    settings = load_settings()
    with _answer_cache(settings) as cache, _history(settings) as history:
        if cache is not None:
            for stored in history.answers(asker=asker):
                cache.forget(stored.answer)
        typer.echo(f"{history.forget(asker)} answers deleted")


@contextmanager
def _answer_cache(settings: Settings) -> Generator[AnswerCache | None]:
    from service.cache.caching_factory import open_answer_cache

    cache = open_answer_cache(settings)
    try:
        yield cache
    finally:
        if cache is not None:
            cache.close()


@contextmanager
def _history(settings: Settings) -> Generator[History]:
    from service.history.history import open_history

    with closing(open_history(settings)) as history:
        yield history
