from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest.errors import EncryptedFileError, UnsafeFileError
from ingest.parsers.email import parse, parts
from ingest.parsers.parts import PartLimits


def _mail(text: str = "Hello Bob,\n\nsee you.\n") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ada <ada@example.org>"
    mail["To"] = "Bob <bob@example.org>, 李四 <li@example.org>"
    mail["Subject"] = "季度报告 and a rather long subject that has to be folded over several lines, été"
    mail["Date"] = "Fri, 16 Dec 2022 17:04:16 -0500"
    mail.set_content(text)
    return mail


def _parts(content: bytes) -> list[tuple[str, object]]:
    return [(part.name, part.content) for part in parts(content, PartLimits())]


def test_the_head_and_the_text_are_read() -> None:
    parsed = parse(_mail().as_bytes())
    subject = "季度报告 and a rather long subject that has to be folded over several lines, été"
    assert parsed.title == subject
    assert parsed.text == (
        "From: Ada <ada@example.org>\nTo: Bob <bob@example.org>, 李四 <li@example.org>\n"
        f"Date: Fri, 16 Dec 2022 17:04:16 -0500\nSubject: {subject}\n\nHello Bob,\n\nsee you."
    )
    assert parsed.metadata["created"] == "2022-12-16T17:04:16-05:00"
    assert parsed.metadata["author"] == "Ada <ada@example.org>"


def test_of_alternatives_the_plain_text_is_read() -> None:
    mail = _mail("plain words\n")
    mail.add_alternative("<p>rich words</p>", subtype="html")
    assert parse(mail.as_bytes()).text.endswith("plain words")


def test_the_page_is_read_where_the_plain_text_is_empty() -> None:
    mail = _mail("\n")
    page = "<html><body><h1>News</h1><table><tr><td>a</td><td>b</td></tr></table></body></html>"
    mail.add_alternative(page, subtype="html")
    parsed = parse(mail.as_bytes())
    assert parsed.text.endswith("News\n\na | b")
    assert parsed.blocks[-1].heading_path == ("News",)


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gb2312", "会议改到星期五，请大家准时参加。"),
        ("big5", "會議改到星期五，請大家準時參加。"),
        ("iso-2022-jp", "会議は金曜日に変更されました。"),
        ("shift_jis", "会議は金曜日に変更されました。"),
        ("koi8-r", "Встреча перенесена на пятницу."),
        ("iso-8859-1", "La réunion est déplacée à vendredi."),
        ("utf-7", "Grüße aus Köln"),
    ],
)
def test_text_is_decoded_in_the_declared_encoding(charset: str, text: str) -> None:
    head = f"Subject: x\r\nContent-Type: text/plain; charset={charset}\r\n"
    head += "Content-Transfer-Encoding: 8bit\r\n\r\n"
    assert parse(head.encode("ascii") + text.encode(charset)).text.endswith(text)


def test_an_unknown_encoding_and_wrong_transfer_coding_do_no_harm() -> None:
    head = b"Subject: =?no-such?Q?caf=E9?=\nContent-Type: text/plain; charset=x-none\n"
    assert parse(head + b"\nplain text").text.endswith("plain text")
    assert parse(head + b"Content-Transfer-Encoding: base64\n\nabc!").title == "café"
    assert parse(b"Subject: =?utf-8?B?abc?=\n\ntext").text.endswith("text")


def test_bytes_in_a_header_are_read_though_they_should_be_encoded() -> None:
    parsed = parse("Subject: Grüße aus München\n\ntext".encode())
    assert parsed.title == "Grüße aus München"


def test_lines_that_were_broken_at_a_width_are_joined() -> None:
    mail = b"Content-Type: text/plain; format=flowed\n\nThis is \none line.\n> quoted \n> too\n-- \nAda\n"
    assert parse(mail).text == "This is one line.\n> quoted \n> too\n--\nAda"


def test_a_mail_in_utf_16_is_read() -> None:
    assert parse("Subject: x\n\nüber".encode("utf-16")).text == "Subject: x\n\nüber"


def test_attachments_are_parts_with_clean_names() -> None:
    mail = _mail()
    mail.add_attachment("a,b\n1,2\n", subtype="csv", filename="../../数据.csv")
    mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf")
    mail.add_attachment("again", filename="数据.csv")
    mail.add_attachment(b"photo", maintype="image", subtype="jpeg", filename="photo.jpg")
    mail.add_attachment(b"logo", maintype="image", subtype="png", disposition="inline", cid="<logo@x>")
    assert _parts(mail.as_bytes()) == [
        ("数据.csv", b"a,b\n1,2\n"),
        ("attachment.pdf", b"%PDF-1.4"),
        ("数据-2.csv", b"again\n"),
        ("photo.jpg", b"photo"),
    ]


def test_a_forwarded_message_is_a_part_named_by_its_subject() -> None:
    inner = EmailMessage()
    inner["Subject"] = "Original/question"
    inner.set_content("what?")
    mail = _mail()
    mail.add_attachment(inner)
    ((name, content),) = _parts(mail.as_bytes())
    assert name == "Original_question.eml"
    assert isinstance(content, bytes)
    assert parse(content).text == "Subject: Original/question\n\nwhat?"
    assert "what?" not in parse(mail.as_bytes()).text


def test_a_forwarded_message_that_is_damaged_is_a_part_still() -> None:
    mail = b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\n"
    mail += b"Content-Type: multipart/mixed; boundary=gone\n\nb\xffdy\n--a--\n"
    ((name, content),) = _parts(mail)
    assert name == "attachment.eml"
    assert isinstance(content, bytes)
    assert b"dy" in content


def test_parts_under_another_boundary_than_stated_are_found() -> None:
    mail = (
        b'Subject: x\nContent-Type: multipart/alternative;\n\tboundary="--=_one"\n\n'
        b"----=_two\nContent-Type: text/html\n\n<p>found</p>\n----=_two--\n"
    )
    assert parse(mail).text == "Subject: x\n\nfound"


def test_the_limits_on_parts_hold() -> None:
    mail = _mail()
    mail.add_attachment("x" * 100, filename="a.txt")
    with pytest.raises(UnsafeFileError):
        list(parts(mail.as_bytes(), PartLimits(all_bytes=50)))
    with pytest.raises(UnsafeFileError):
        list(parts(mail.as_bytes(), PartLimits(count=0)))


@pytest.mark.parametrize(
    "kind", ["multipart/encrypted; boundary=x", "application/pkcs7-mime; smime-type=enveloped-data"]
)
def test_an_encrypted_message_is_refused(kind: str) -> None:
    with pytest.raises(EncryptedFileError):
        parse(f"Subject: x\nContent-Type: {kind}\n\n--x\n\n1\n--x--\n".encode())


def test_a_message_without_anything_has_no_text() -> None:
    assert parse(b"\n\n").text == ""


def test_real_messages_are_read(shared_data: Path) -> None:
    files = shared_data / "dev" / "docs" / "files"
    hebrew = parse((files / "unstructured__email-no-utf8-2008-07-16.062410.eml").read_bytes())
    assert hebrew.title == "RE: שלום"
    assert "אני שותף לצערך על הציון בבחינה" in hebrew.text
    ((name, _),) = _parts((files / "unstructured__fake-email-attachment.eml").read_bytes())
    assert name == "fake-attachment.txt"
