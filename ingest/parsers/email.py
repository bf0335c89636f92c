"""EML -> the message's text under its head; its attachments are parts.

Of alternatives the plain text is read, else the page. Pictures that stand within the text are passed over;
a forwarded message is a part of its own.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from typing import cast

from ingest.errors import EncryptedFileError, ParseError
from ingest.parsers.decode import decode_text
from ingest.parsers.message_text import Body, Head, write_message
from ingest.parsers.part_budget import AttachmentNames, PartBudget
from ingest.parsers.parts import Part, PartLimits
from ingest.parsers.text_builder import ParsedFile

_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_STATEFUL = ("iso2022", "hz", "utf-7", "utf_7")
_SUFFIXES = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "message/rfc822": ".eml",
}
_BOUNDARY = re.compile(r"^--([^\s-].{0,69}|-\S.{0,68}?)[ \t]*\r?\nContent-", re.MULTILINE | re.IGNORECASE)
_SOFT_LINE_END = re.compile(r" \r?\n(?!>)")
_FOLD = re.compile(r"\r?\n[ \t]*")


@dataclass(slots=True)
class _Contents:
    """What a message holds, in order."""

    bodies: list[Body] = field(default_factory=list[Body])
    attachments: list[Message] = field(default_factory=list[Message])


def parse(content: bytes) -> ParsedFile:
    """The message; its title is the subject."""
    message = _read(content)
    head = Head(
        sender=_header(message, "From"),
        to=_header(message, "To"),
        copies=_header(message, "Cc"),
        date=_header(message, "Date"),
        subject=_header(message, "Subject"),
    )
    return write_message(head, _contents(message).bodies, _header(message, "Keywords"))


def parts(content: bytes, limits: PartLimits) -> Iterator[Part]:
    """The attachments, one by one."""
    budget = PartBudget(limits)
    names = AttachmentNames()
    for attachment in _contents(_read(content)).attachments:
        budget.open_part()
        payload = _payload(attachment)
        budget.take(len(payload))
        name = names.choose(_file_name(attachment), _SUFFIXES.get(attachment.get_content_type(), ""))
        yield Part(name, payload)


def _read(content: bytes) -> Message:
    if content.startswith(_WIDE_MARKS) or b"\0" in content[:200]:
        content = decode_text(content).encode("utf-8")
    return message_from_bytes(content.lstrip(b"\r\n \t\xef\xbb\xbf"))


def _contents(message: Message) -> _Contents:
    found = _Contents()
    _collect(message, found)
    return found


def _collect(message: Message, found: _Contents) -> None:
    kind = message.get_content_type()
    if kind == "multipart/encrypted" or _is_sealed(message, kind):
        raise EncryptedFileError("the message is encrypted: save a copy that is not, and ingest that.")
    if kind == "multipart/alternative" and message.is_multipart():
        _collect_alternatives(message, found)
    elif kind.startswith("multipart/"):
        for part in _children(message):
            _collect(part, found)
    elif _is_attachment(message, kind):
        if not _is_inline_picture(message):
            found.attachments.append(message)
    elif kind == "text/html":
        found.bodies.append(Body(_text(message), is_html=True))
    elif kind.startswith("text/"):
        found.bodies.append(Body(_flowed(message, _text(message))))


def _collect_alternatives(message: Message, found: _Contents) -> None:
    choices: list[list[Body]] = []
    for part in _children(message):
        choice = _Contents()
        _collect(part, choice)
        found.attachments += choice.attachments
        if any(body.text.strip() for body in choice.bodies):
            choices.append(choice.bodies)
    plain = (bodies for bodies in choices if not any(body.is_html for body in bodies))
    # The richest one comes last.
    found.bodies += next(plain, choices[-1] if choices else [])


def _children(message: Message) -> list[Message]:
    """The parts of a multipart message; where its boundary is not the stated one, by its own."""
    if message.is_multipart():
        return _parts_of(message)
    text = message.get_payload()
    source = text if isinstance(text, str) else ""
    boundary = _BOUNDARY.search(source)
    if boundary is None:
        plain = Message()
        plain.set_payload(source)
        return [plain]
    head = f'Content-Type: multipart/mixed; boundary="{boundary[1]}"\n\n'
    again = message_from_bytes((head + source).encode("utf-8", "surrogateescape"))
    return _parts_of(again)


def _parts_of(message: Message) -> list[Message]:
    """The messages directly in a multipart or forwarding one."""
    return cast("list[Message]", message.get_payload()) if message.is_multipart() else []


def _is_sealed(message: Message, kind: str) -> bool:
    """Whether it is an S/MIME envelope. A message that is only signed is readable."""
    if kind not in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return False
    return str(message.get_param("smime-type") or "enveloped-data").lower() == "enveloped-data"


def _is_attachment(message: Message, kind: str) -> bool:
    if kind.startswith("text/"):
        return message.get_content_disposition() == "attachment" or bool(message.get_filename())
    return True


def _is_inline_picture(message: Message) -> bool:
    if message.get_content_maintype() != "image":
        return False
    return message.get_content_disposition() != "attachment" or message.get("Content-ID") is not None


def _payload(message: Message) -> bytes:
    if message.is_multipart():
        return b"".join(_source(part) for part in _parts_of(message))
    payload: object = message.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _source(message: Message) -> bytes:
    try:
        return message.as_bytes()
    except UnicodeError:
        # Python cannot write back all that it reads: a multipart message without parts, in 8-bit text.
        return message.as_string().encode("utf-8", "replace")


def _text(message: Message) -> str:
    return _decoded(_payload(message), str(message.get_param("charset") or "") or None)


def _decoded(content: bytes, charset: str | None) -> str:
    """Text in its declared encoding, which is often wrong; what fits nowhere is read as Latin-1."""
    declared = (charset or "").strip("\"' ").lower()
    if declared.replace("-", "").startswith(_STATEFUL) or declared.startswith(_STATEFUL):
        # Made of ASCII alone, so it would pass for UTF-8.
        try:
            return content.decode(declared, "replace")
        except LookupError:
            pass
    try:
        return decode_text(content, declared or None)
    except ParseError:
        return content.decode("latin-1")


def _flowed(message: Message, text: str) -> str:
    """Join the lines that a sender broke at a width (RFC 3676)."""
    if str(message.get_param("format") or "").lower() != "flowed":
        return text
    space = "" if str(message.get_param("delsp") or "").lower() == "yes" else " "
    return _SOFT_LINE_END.sub(space, text.replace("\n-- \n", "\n--\n"))


def _header(message: Message, name: str) -> str:
    """A header as a reader sees it; of several the first."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return _decoded_words(str(raw))


def _file_name(message: Message) -> str | None:
    name = message.get_filename()
    if name is None and message.get_content_type() == "message/rfc822":
        forwarded = next(iter(_parts_of(message)), None)
        subject = "" if forwarded is None else _header(forwarded, "Subject")
        return f"{subject.replace('/', '_')}.eml" if subject else None
    return None if name is None else _decoded_words(name)


def _decoded_words(raw: str) -> str:
    """Encoded words (RFC 2047) in clear, and bytes that stand there unencoded."""
    unfolded = _FOLD.sub(" ", raw)
    if not unfolded.isascii():
        return _decoded(unfolded.encode("utf-8", "surrogateescape"), None)
    try:
        pieces = decode_header(unfolded)
    except (MessageError, ValueError):
        return unfolded
    return "".join(
        piece if isinstance(piece, str) else _decoded(piece, charset or "latin-1")
        for piece, charset in pieces
    )
