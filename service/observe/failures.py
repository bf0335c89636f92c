"""A failure as a log may tell it: an error's text may quote what a client sent or a model server replied."""

from __future__ import annotations

from ingest.error_root import TroikaError

_LINKS = 5


def told_of(error: BaseException) -> str:
    """The class of ``error``, its code, and the HTTP status that it came from, as far as there are any.

    Behind them stand the same of what caused it: ``GeneratorError generator_failed < HTTPStatusError 503``.
    """
    told: list[str] = []
    link: BaseException | None = error
    while link is not None and len(told) < _LINKS:
        code = f" {link.code}" if isinstance(link, TroikaError) else ""
        told.append(f"{type(link).__qualname__}{code}{_status(link)}")
        link = link.__cause__
    return " < ".join(told)


def _status(error: BaseException) -> str:
    # By what httpx's error has, not by its class: to import httpx takes longer than a short command does.
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f" {status}" if isinstance(status, int) else ""
