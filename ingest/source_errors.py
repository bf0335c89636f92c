"""What may be wrong with one source; ``ingest.errors`` draws the whole tree, and is where to import from."""

from __future__ import annotations

from ingest.error_root import TroikaError


class ParseError(TroikaError):
    """One file cannot be turned into a document; the other files are not affected."""

    code = "parse_failed"


class EmptyFileError(ParseError):
    """The file holds no bytes, or nothing but white space."""

    code = "file_empty"


class NoTextError(ParseError):
    """The file was read and holds no text (a scan without a text layer, say)."""

    code = "file_without_text"


class UnknownFormatError(ParseError):
    """No parser reads this kind of file."""

    code = "format_unknown"


class WrongExtensionError(ParseError):
    """The file's content is of another kind than its name says."""

    code = "extension_mismatch"


class EncryptedFileError(ParseError):
    """The file asks for a password."""

    code = "file_encrypted"


class BrokenFileError(ParseError):
    """The file's structure is damaged beyond what its reader can mend."""

    code = "file_broken"


class UndecodableFileError(ParseError):
    """The file's character encoding could not be told."""

    code = "encoding_unknown"


class FileTooLargeError(ParseError):
    """The file, or what it unpacks to, is larger than the limit."""

    code = "file_too_large"


class UnsafeFileError(ParseError):
    """The file is built to do harm: a bomb, a path that leads out of its archive, an outside entity."""

    code = "file_unsafe"


class NestedArchiveError(ParseError):
    """An archive inside an archive, which is not opened."""

    code = "archive_nested"


class ParseTimeoutError(ParseError):
    """Parsing took longer than ``ingest.parse_seconds``."""

    code = "parse_timeout"


class ParseMemoryError(ParseError):
    """Parsing needed more memory than ``ingest.parse_megabytes``."""

    code = "parse_memory"


class ParserCrashedError(ParseError):
    """The process that parsed the file died."""

    code = "parser_crashed"


class MetadataError(ParseError):
    """What is stated about a file cannot be read, above all who may see it."""

    code = "metadata_invalid"


class AddressRefusedError(ParseError):
    """A web address that is not fetched: malformed, of another scheme, or of a private network."""

    code = "address_refused"


class RobotsRefusedError(ParseError):
    """The site's robots.txt asks not to fetch the page, or cannot be read itself."""

    code = "robots_refused"


class FetchError(ParseError):
    """A page could not be fetched."""

    code = "fetch_failed"


class SourceGoneError(ParseError):
    """The server says that there is no such page (any more): 404 or 410."""

    code = "source_gone"


class UnreadableFileError(ParseError):
    """The operating system refused to open or read the file."""

    code = "file_unreadable"
