"""MSG -> the message's text under its head; its attachments are parts.

The plain text is read, else the page, else the rich text. A message that is attached becomes an e-mail
message of its own (``.eml``), with its attachments in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

from ingest.errors import ParseError, UnsafeFileError
from ingest.parsers import rtf
from ingest.parsers.compressed_rtf import decompress
from ingest.parsers.message_text import Body, Head, write_message
from ingest.parsers.outlook_store import Store, open_store
from ingest.parsers.part_budget import AttachmentNames, PartBudget
from ingest.parsers.parts import Part, PartLimits
from ingest.parsers.text_builder import ParsedFile, clean_text, collapse_space

_SUBJECT, _SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0037, 0x0C1A, 0x0C1F, 0x5D01
_ON_BEHALF_OF, _DISPLAY_TO, _DISPLAY_CC = 0x0042, 0x0E04, 0x0E03
_SUBMITTED, _DELIVERED = 0x0039, 0x0E06
_BODY, _RTF, _HTML = 0x1000, 0x1009, 0x1013
_FILE_NAME, _SHORT_NAME, _DISPLAY_NAME, _DATA, _CONTENT_ID, _HIDDEN = (
    0x3707,
    0x3704,
    0x3001,
    0x3701,
    0x3712,
    0x7FFE,
)
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emz", ".wmz", ".svg")
_MAX_DEPTH = 5


def parse(content: bytes) -> ParsedFile:
    """The message; its title is the subject."""
    message = open_store(content)
    return write_message(_head(message), _bodies(message))


def parts(content: bytes, limits: PartLimits) -> Iterator[Part]:
    """The attachments, one by one."""
    budget = PartBudget(limits)
    for name, payload in _attachments(open_store(content), depth=0):
        budget.open_part()
        budget.take(0 if isinstance(payload, ParseError) else len(payload))
        yield Part(name, payload)


def _head(message: Store) -> Head:
    sent = message.time(_SUBMITTED) or message.time(_DELIVERED)
    return Head(
        sender=_sender(message),
        to=message.text(_DISPLAY_TO),
        copies=message.text(_DISPLAY_CC),
        date="" if sent is None else format_datetime(sent),
        subject=message.text(_SUBJECT),
    )


def _sender(message: Store) -> str:
    name = message.text(_SENDER_NAME) or message.text(_ON_BEHALF_OF)
    address = message.text(_SENDER_SMTP) or message.text(_SENDER_ADDRESS)
    # Within one Exchange the address is a path in a directory.
    if "@" not in address or address == name:
        return name or address
    return f"{name} <{address}>" if name else address


def _bodies(message: Store) -> list[Body]:
    plain = message.text(_BODY)
    if plain.strip():
        return [Body(plain)]
    page = message.binary(_HTML)
    source = message.text(_HTML) if page is None else message.decoded(page)
    if source.strip():
        return [Body(source, is_html=True)]
    rich = message.binary(_RTF)
    return [] if not rich else [Body(rtf.parse(decompress(rich)).text)]


def _attachments(message: Store, depth: int) -> Iterator[tuple[str, bytes | ParseError]]:
    names = AttachmentNames()
    for attachment in message.attachments():
        stated = attachment.text(_FILE_NAME) or attachment.text(_SHORT_NAME)
        embedded = attachment.attached_message()
        if embedded is not None:
            subject = embedded.text(_SUBJECT) or attachment.text(_DISPLAY_NAME)
            name = names.choose(f"{subject.replace('/', '_') or 'message'}.eml", ".eml")
            yield name, _rewritten(embedded, depth + 1)
        elif not _is_inline(attachment, stated):
            data = attachment.binary(_DATA)
            if data is not None:
                yield names.choose(stated, ""), data


def _is_inline(attachment: Store, name: str) -> bool:
    picture = name.lower().endswith(_PICTURES)
    return picture and (attachment.is_set(_HIDDEN) or bool(attachment.text(_CONTENT_ID)))


def _rewritten(message: Store, depth: int) -> bytes | ParseError:
    """An attached message as the bytes of an e-mail message."""
    if depth > _MAX_DEPTH:
        return UnsafeFileError(f"more than {_MAX_DEPTH} messages stand inside of each other: save it apart.")
    head = _head(message)
    mail = MIMEMultipart()
    lines = {
        "From": head.sender,
        "To": head.to,
        "Cc": head.copies,
        "Date": head.date,
        "Subject": head.subject,
    }
    for name, value in lines.items():
        line = collapse_space(clean_text(value))
        if line:
            mail[name] = Header(line, "utf-8").encode()
    for body in _bodies(message):
        mail.attach(MIMEText(clean_text(body.text), "html" if body.is_html else "plain", "utf-8"))
    for name, payload in _attachments(message, depth):
        if not isinstance(payload, ParseError):
            attached = MIMEApplication(payload)
            attached.add_header("Content-Disposition", "attachment", filename=("utf-8", "", name))
            mail.attach(attached)
    return mail.as_bytes()
