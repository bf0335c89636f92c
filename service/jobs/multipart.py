"""Read a form with files (RFC 7578) while it arrives: files go to disk, fields are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from ingest.errors import UploadError
from service.jobs.uploads import Upload

_MAX_FIELD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Received:
    """A file that arrived whole; ``sha256`` is of its bytes."""

    upload: Upload
    sha256: str


class _File:
    """A file that is arriving."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._digest = hashlib.sha256()
        self._file: BinaryIO = upload.path.open("xb")

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)

    def close(self) -> Received:
        self._file.close()
        return Received(self._upload, self._digest.hexdigest())


class FormReader:
    """Takes the bytes of a form as they come; ``fields`` and ``files`` are whole when ``finish`` returns."""

    def __init__(self, content_type: str, names: Sequence[str], new_upload: Callable[[str], Upload]) -> None:
        """
        Args:
            content_type: of the request.
            names: those that a field may have.
            new_upload: makes room for a file, by the name that the client stated.

        Raises:
            UploadError: the header names no boundary.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise UploadError("the Content-Type names no boundary: send a multipart/form-data body.")
        self.fields: dict[str, str] = {}
        self.files: list[Received] = []
        self._names = tuple(names)
        self._new_upload = new_upload
        self._header, self._value = b"", b""
        self._disposition = b""
        self._field = ""
        self._text = bytearray()
        self._file: _File | None = None
        self._is_whole = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._take_header_name,
                    "on_header_value": self._take_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": self._take_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _malformed(error) from error

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            UploadError: they are no form, or a field or a name is not usable.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed(error) from error

    def finish(self) -> None:
        """There are no more bytes.

        Raises:
            UploadError: the form has no end.
        """
        if not self._is_whole:
            raise UploadError("the form ends before its last boundary: send it once more.")

    def close(self) -> None:
        """Let go of a file that did not arrive whole."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_part(self) -> None:
        self._disposition, self._text = b"", bytearray()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _open_part(self) -> None:
        options = parse_options_header(self._disposition)[1]
        self._field = _text(options.get(b"name", b""))
        if not self._field:
            raise UploadError("a part of the form has no name: send each file in a part named `files`.")
        if b"filename" in options:
            self._file = _File(self._new_upload(_text(options[b"filename"])))
        elif self._field not in self._names:
            raise UploadError(
                f"there is no field {self._field[:80]!r}: the form takes {', '.join(self._names)}, and files."
            )
        elif self._field in self.fields:
            raise UploadError(f"the form states {self._field[:80]!r} twice: state it once.")

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _MAX_FIELD_BYTES:
            raise UploadError(
                f"the field {self._field[:80]!r} has more than {_MAX_FIELD_BYTES} bytes: "
                "send documents as files, with a filename."
            )

    def _end_part(self) -> None:
        if self._file is not None:
            self.files.append(self._file.close())
            self._file = None
        else:
            self.fields[self._field] = _text(bytes(self._text))

    def _end(self) -> None:
        self._is_whole = True


def _text(data: bytes) -> str:
    """Browsers send UTF-8 (WHATWG HTML, 4.10.21.7); whoever does not gets a name or a text nonetheless."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _malformed(error: FormParserError) -> UploadError:
    return UploadError(f"the body is no multipart/form-data ({error}): send it once more, as a form.")
