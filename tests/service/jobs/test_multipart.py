from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UploadError
from service.jobs.multipart import FormReader
from service.jobs.uploads import Upload


def form(fields: Mapping[str, str], files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Content type and body of a form, as httpx writes them."""
    request = httpx.Request(
        "POST", "http://localhost", data=fields, files=[("files", file) for file in files] or None
    )
    return request.headers.get("content-type", ""), request.read()


def read(folder: Path, content_type: str, pieces: Sequence[bytes]) -> FormReader:
    counter = iter(range(1000))

    def new_upload(stated: str) -> Upload:
        own = folder / f"{next(counter)}"
        own.mkdir()
        return Upload(own, stated.replace("/", "_") or "unnamed")

    reader = FormReader(content_type, ("metadata", "acl", "字段"), new_upload)
    try:
        for piece in pieces:
            reader.write(piece)
        reader.finish()
    finally:
        reader.close()
    return reader


fields = st.dictionaries(st.sampled_from(["metadata", "acl", "字段"]), st.text(max_size=30), max_size=3)
names = st.sampled_from(["a.txt", "报告.pdf", 'quo"te.md', "b c.html"])
files = st.lists(st.tuples(names, st.binary(max_size=200)), min_size=1, max_size=3)


@given(fields, files, st.lists(st.integers(1, 60), max_size=30))
def test_a_form_is_read_whole_in_whatever_pieces_it_comes(
    tmp_path_factory: pytest.TempPathFactory,
    fields: dict[str, str],
    files: list[tuple[str, bytes]],
    cuts: list[int],
) -> None:
    fields = {key: text.replace("\r", "").replace("\n", "") for key, text in fields.items()}
    fields = {key: "".join(c for c in text if not "\ud800" <= c <= "\udfff") for key, text in fields.items()}
    content_type, body = form(fields, files)
    pieces: list[bytes] = []
    for cut in cuts:
        pieces.append(body[:cut])
        body = body[cut:]
    reader = read(tmp_path_factory.mktemp("form"), content_type, [*pieces, body])
    assert reader.fields == fields
    assert [file.upload.path.read_bytes() for file in reader.files] == [content for _, content in files]


def test_a_form_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    content_type, body = form({"acl": "hr"}, [("a.txt", b"x" * 500)])
    for end in (0, 10, 200, len(body) - 10):
        folder = tmp_path / str(end)
        folder.mkdir()
        with pytest.raises(UploadError):
            read(folder, content_type, [body[:end]])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b"--"),
        (f"multipart/form-data; boundary={'b' * 300}", b"--"),
        ("multipart/form-data; boundary=b", b"no form at all"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nx\r\n--b--"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="acl"\r\n\r\nx\r\n' * 2 + b"--b--",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="acl"\r\n\r\n' + b"x" * 1_100_000 + b"\r\n--b--",
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"a: b\r\n" * 1000),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="unknown"\r\n\r\n',
        ),
    ],
)
def test_what_is_no_form_is_refused(tmp_path: Path, content_type: str, body: bytes) -> None:
    with pytest.raises(UploadError):
        read(tmp_path, content_type, [body])
