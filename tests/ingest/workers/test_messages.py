"""What goes through the pipe between a worker and its parent comes out unchanged, and nothing else does."""

from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Block, BlockKind, Page, TextBox
from ingest.errors import (
    BrokenFileError,
    FileTooLargeError,
    ParseError,
    ParserCrashedError,
    SourceGoneError,
)
from ingest.parse import ParsedPart, ParseLimits
from ingest.parsers.text_builder import ParsedFile
from ingest.workers.messages import (
    LENGTH_BYTES,
    Failed,
    Finished,
    Frames,
    Parsed,
    ParseTask,
    ReplyReader,
    ReplyWriter,
    RequestCoder,
    Started,
    max_reply_bytes,
    parser_errors,
)

LIMITS = ParseLimits(text_characters=1000)
SHA256 = "0123456789abcdef" * 4

clean = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)
metadata = st.dictionaries(
    clean,
    clean | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.tuples(clean),
)


def _block(kind: BlockKind, span: list[int], path: tuple[str, ...], has_header: bool) -> Block:
    start, end = span
    return Block(kind, start, end, path, (start, end) if has_header else None)


def _page(number: int, span: list[int], label: str) -> Page:
    start, end = span
    return Page(number, start, end, label)


def _box(span: list[int], edges: tuple[float, float, float, float]) -> TextBox:
    start, end = span
    return TextBox(start, end, 1, *edges)


@st.composite
def parsed_files(draw: st.DrawFn) -> ParsedFile:
    text = draw(st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
    span = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
    edge = st.floats(0, 1)
    path = st.lists(clean, max_size=3).map(tuple)
    blocks = st.builds(_block, st.sampled_from(BlockKind), span, path, st.booleans())
    pages = st.builds(_page, st.integers(1, 99), span, clean)
    boxes = st.builds(_box, span, st.tuples(edge, edge, edge, edge))
    return ParsedFile(
        text,
        tuple(draw(st.lists(blocks, max_size=5))),
        draw(st.none() | clean),
        tuple(draw(st.lists(pages, max_size=3))),
        draw(metadata),
        tuple(draw(st.lists(boxes, max_size=3))),
    )


def received(frame: bytes | bytearray, limits: ParseLimits = LIMITS) -> Started | Parsed | Failed | Finished:
    (message,) = Frames(max_reply_bytes(limits)).feed(bytes(frame))
    return ReplyReader(limits).read(message)


def passed_on(part: ParsedPart, limits: ParseLimits = LIMITS) -> ParsedPart:
    reply = received(ReplyWriter(limits).part(part, SHA256), limits)
    assert isinstance(reply, Parsed | Failed)
    assert reply.source_sha256 == SHA256
    return ReplyReader(limits).part_of(reply)


def framed(message: object) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


@given(parsed_files(), clean)
def test_a_parsed_file_arrives_as_it_was_sent(parsed: ParsedFile, member: str) -> None:
    part = ParsedPart(member, SHA256, parsed)
    assert passed_on(part) == part


@pytest.mark.parametrize("code", sorted(parser_errors()))
def test_an_error_arrives_as_the_class_that_it_was(code: str) -> None:
    outcome = passed_on(ParsedPart("a/b.txt", "", parser_errors()[code]("It is 坏的 (really)."))).outcome
    assert type(outcome) is parser_errors()[code]
    assert str(outcome) == "It is 坏的 (really)."


def test_a_reason_is_one_short_line() -> None:
    outcome = passed_on(ParsedPart("", "", BrokenFileError("first\n  second " + "x" * 10_000))).outcome
    assert str(outcome).startswith("first second x")
    assert len(str(outcome)) == 4000


def test_a_lone_surrogate_becomes_one_character_so_that_spans_hold() -> None:
    text = "a\ud800b\udcffc"
    parsed = ParsedFile(
        text, (Block(BlockKind.PARAGRAPH, 0, 5, ("h\udc80",)),), "t\udc80", metadata={"k": "\ud800"}
    )
    part = passed_on(ParsedPart("m\udcff", SHA256, parsed))
    assert isinstance(part.outcome, ParsedFile)
    assert (part.member, part.outcome.text, part.outcome.title) == ("m?", "a?b?c", "t?")
    assert part.outcome.blocks == (Block(BlockKind.PARAGRAPH, 0, 5, ("h?",)),)
    error = passed_on(ParsedPart("", "", BrokenFileError("caf\udce9.txt is broken"))).outcome
    assert str(error) == "caf?.txt is broken"


def test_a_result_that_is_too_large_to_pass_on_is_an_error_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.workers.messages._STRUCTURE_BYTES", 1000)
    blocks = tuple(Block(BlockKind.PARAGRAPH, 0, 1, ("heading" * 10,)) for _ in range(100))
    outcome = passed_on(ParsedPart("", SHA256, ParsedFile("x", blocks))).outcome
    assert isinstance(outcome, FileTooLargeError)


@given(st.integers(0, 2**62), st.none() | st.text(min_size=1), st.none() | st.binary(), st.text())
def test_a_task_arrives_as_it_was_sent(key: int, path: str | None, content: bytes | None, name: str) -> None:
    task = ParseTask(key, None if path is None else Path(path), content, name)
    (message,) = Frames(10**9).feed(bytes(RequestCoder().encode(task)))
    assert RequestCoder().decode(message) == task


def test_the_name_of_a_file_need_not_be_text() -> None:
    task = ParseTask(1, Path("/x/caf\udce9.txt"), None, "caf\udce9.txt")
    (message,) = Frames(10**9).feed(bytes(RequestCoder().encode(task)))
    assert RequestCoder().decode(message) == task


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(1, 7))
def test_messages_come_whole_however_the_stream_is_cut(messages: list[bytes], step: int) -> None:
    stream = b"".join(len(message).to_bytes(LENGTH_BYTES, "big") + message for message in messages)
    frames = Frames(100)
    pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
    assert [message for piece in pieces for message in frames.feed(piece)] == messages


def test_a_message_over_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(ParserCrashedError, match="announced 4294967295 bytes"):
        list(Frames(max_reply_bytes(LIMITS)).feed(b"\xff\xff\xff\xff"))


def _parsed(
    text: str, *blocks: Block, pages: tuple[Page, ...] = (), boxes: tuple[TextBox, ...] = ()
) -> Parsed:
    return Parsed("", SHA256, SHA256, ParsedFile(text, blocks, pages=pages, boxes=boxes))


@pytest.mark.parametrize(
    "reply",
    [
        _parsed("short", Block(BlockKind.PARAGRAPH, 0, 6)),
        _parsed("short", Block(BlockKind.PARAGRAPH, -1, 2)),
        _parsed("short", Block(BlockKind.PARAGRAPH, 3, 2)),
        _parsed("short", Block(BlockKind.TABLE, 1, 3, (), (0, 2))),
        _parsed("short", pages=(Page(1, 0, 99),)),
        _parsed("short", boxes=(TextBox(4, 9, 1, 0.0, 0.0, 1.0, 1.0),)),
        _parsed("x" * 1001),
        Failed("", "", "", "no_such_code", "why"),
        Failed("", "", "", SourceGoneError.code, "delete it"),
        Failed("", "", "", BrokenFileError.code, "x" * 10_000),
        Failed("x" * 100_000, "", "", BrokenFileError.code, "why"),
        Finished("../../etc"),
        Finished(SHA256 + "\n"),
        ["started", 1],
        ["finished"],
        ["finished", 7],
        ["exec", "code"],
        {"type": "finished"},
        ["parsed", "", "", "", {"text": "x", "blocks": [{"kind": "program", "start": 0, "end": 1}]}],
        ["parsed", "", "", "", {"text": "x"}],
        [[[[[[[[]]]]]]]],
        None,
    ],
)
def test_what_a_worker_may_not_send_is_its_crash(reply: object) -> None:
    with pytest.raises(ParserCrashedError):
        received(framed(reply))


@given(st.binary(max_size=100))
def test_no_bytes_do_harm(body: bytes) -> None:
    try:
        reply = received(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    except ParserCrashedError:
        return
    assert isinstance(reply, Started | Parsed | Failed | Finished)


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def test_a_pickle_is_not_opened() -> None:
    body = pickle.dumps(_Harm())
    with pytest.raises(ParserCrashedError):
        received(len(body).to_bytes(LENGTH_BYTES, "big") + body)


@given(parsed_files(), st.data())
def test_a_damaged_message_is_a_crash_or_still_well_formed(parsed: ParsedFile, data: st.DataObject) -> None:
    frame = bytearray(ReplyWriter(LIMITS).part(ParsedPart("m", SHA256, parsed), SHA256))
    place = data.draw(st.integers(LENGTH_BYTES, len(frame) - 1))
    frame[place] ^= data.draw(st.integers(1, 255))
    try:
        reply = received(frame)
    except ParserCrashedError:
        return
    if isinstance(reply, Parsed):
        length = len(reply.parsed.text)
        assert all(0 <= block.start <= block.end <= length for block in reply.parsed.blocks)


def test_parsers_can_say_all_that_is_wrong_with_a_file_and_nothing_of_its_address() -> None:
    assert SourceGoneError.code not in parser_errors()
    assert {ParseError.code, BrokenFileError.code, ParserCrashedError.code} <= parser_errors().keys()


def test_what_no_message_can_hold_is_an_error_and_no_crash() -> None:
    outcome = passed_on(ParsedPart("", SHA256, ParsedFile("x", (), metadata={"n": 2**70}))).outcome
    assert isinstance(outcome, ParserCrashedError)
