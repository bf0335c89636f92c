"""Files that came by the HTTP interface, each with what is stated of it in a folder of its own.

::

    UPLOADS/ID/NAME              the bytes as they came
    UPLOADS/ID/NAME.meta.json    what is stated of them

A file's address is made of its name alone, so that it tells nothing of this machine and stays the same where
the home directory moves. Ids ascend with time: where a name came more than once, the last one counts. So a
file is added, replaced and taken away by adding or removing one folder.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from ingest.sources.files import find_files
from ingest.sources.source import SourceFailure, SourceFile

UPLOAD_SCHEME = "upload:///"
"""How the addresses of uploaded files begin, and no others."""


def upload_address(name: str) -> str:
    """The address of the uploaded file with this name."""
    return UPLOAD_SCHEME + quote(name)


class UploadedFiles:
    """The last upload of every name in a folder, and what cannot be read, under their addresses."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            PathNotFoundError: the folder does not exist.
        """
        found = find_files((folder,))
        root = f"{found.roots[0]}/"
        self.unreadable = found.unreadable
        self._is_whole = not found.unreadable
        newest: dict[str, SourceFile | SourceFailure] = {}
        for source in sorted((*found.files, *found.failures), key=lambda source: source.uri):
            _, is_in_folder, quoted_name = source.uri.removeprefix(root).partition("/")
            if is_in_folder:
                address = UPLOAD_SCHEME + quoted_name
                newest[address] = replace(source, uri=address)
            else:  # what stands in the way of one upload, or of all of them
                self._is_whole = False
                newest[source.uri] = source
        self.sources = tuple(newest.values())

    def covers(self, uri: str) -> bool:
        """Whether ``uri`` would have come, were it still there; none is gone while a folder is unreadable."""
        return self._is_whole and uri.startswith(UPLOAD_SCHEME)
