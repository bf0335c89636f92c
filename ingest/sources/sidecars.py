"""Metadata that stands beside files: ``NAME.meta.json`` for one, ``.meta.json`` for a folder and all below.

``report.meta.json`` serves ``report.pdf`` where there is no ``report.pdf.meta.json``. The ``.meta.json`` of
every folder above a file holds, up to the root of the disk, so that what is known of a file does not hang
on which folder was named.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from ingest.errors import MetadataError
from ingest.sources.metadata import Metadata, parse_sidecar
from ingest.sources.small_files import read_small_file

SIDECAR_SUFFIX = ".meta.json"


class Sidecars:
    """Reads sidecars, each folder's once. ``stated`` overrides what any of them says."""

    def __init__(self, stated: Metadata) -> None:
        self._stated = stated
        self._names: dict[str, dict[str, str]] = {}
        self._folders: dict[str, Metadata | MetadataError] = {}

    def list_folder(self, folder: str, names: Iterable[str]) -> list[str]:
        """Learn which files a folder holds; returns the sidecars among them that describe none of those."""
        names = list(names)
        sidecars = {_folded(name): name for name in names if is_sidecar(name)}
        self._names[folder] = sidecars
        if not sidecars:
            return []
        described = {key for name in names if not is_sidecar(name) for key in _keys(name)}
        return sorted(name for key, name in sidecars.items() if key not in described)

    def describes(self, folder: str, sidecar: str) -> bool:
        """Whether a file stands beside the sidecar for it to describe."""
        return sidecar not in self.list_folder(folder, (path.name for path in Path(folder).iterdir()))

    def of_folder(self, folder: str) -> Metadata:
        """What the ``.meta.json`` of a folder and of those above it state, the nearest last.

        Raises:
            MetadataError: one of them cannot be read.
        """
        above: list[str] = []
        while folder not in self._folders and folder != os.path.dirname(folder):  # noqa: PTH120
            above.append(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120 - on strings, since there are many
        known = self._folders[folder] if folder in self._folders else self._keep(folder, {})
        for deeper in reversed(above):
            known = known if isinstance(known, MetadataError) else self._keep(deeper, known)
            self._folders[deeper] = known
        if isinstance(known, MetadataError):
            raise known
        return known

    def of_file(self, folder: str, name: str) -> Metadata:
        """All that is stated of a file from outside.

        Raises:
            MetadataError: a sidecar cannot be read, or which there are.
        """
        known = self.of_folder(folder)
        sidecars = self._sidecars(folder)
        for key in _keys(name) if sidecars else ():
            if key in sidecars:
                own = _read(os.path.join(folder, sidecars[key]))  # noqa: PTH118
                return {**known, **own, **self._stated}
        return {**known, **self._stated} if self._stated else known

    def _sidecars(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            try:
                self.list_folder(folder, (path.name for path in Path(folder).iterdir()))
            except OSError as error:
                raise MetadataError(
                    f"{folder} cannot be listed ({error.strerror}), and a sidecar may restrict its files: "
                    "see that you may read the folder."
                ) from error
        return self._names[folder]

    def _keep(self, folder: str, above: Metadata) -> Metadata | MetadataError:
        try:
            own = _read(os.path.join(folder, SIDECAR_SUFFIX), optional=True)  # noqa: PTH118
            self._folders[folder] = {**above, **own} if own else above
        except MetadataError as error:
            self._folders[folder] = error
        return self._folders[folder]


def is_sidecar(name: str) -> bool:
    """Whether a file of that name states metadata of others."""
    return name.endswith(SIDECAR_SUFFIX)


def _keys(name: str) -> Iterator[str]:
    """The folded names of the sidecars that may describe a file, the best first."""
    yield _folded(name + SIDECAR_SUFFIX)
    stem = PurePath(name).stem
    if stem != name:
        yield _folded(stem + SIDECAR_SUFFIX)


def _folded(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _read(path: str, *, optional: bool = False) -> Metadata:
    try:
        return parse_sidecar(read_small_file(path))
    except FileNotFoundError as error:
        if optional:
            return {}
        raise _unreadable(path, error) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except MetadataError as error:
        raise MetadataError(f"{path} cannot be used: {error}; correct or remove it.") from error


def _unreadable(path: str, error: OSError) -> MetadataError:
    return MetadataError(f"{path} cannot be read ({error.strerror}): see that you may read it, or remove it.")
