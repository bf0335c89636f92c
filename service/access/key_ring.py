"""The API keys as a server knows them: in memory, and looked up anew once a second."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service.access.key_store import KeyStore
from service.access.keys import ApiKey

FRESH_SECONDS = 1.0


class KeyRing:
    """The keys of a home; a change is known after ``fresh_seconds``. For use from one event loop."""

    def __init__(self, home: Path, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._home = home
        self._fresh = fresh_seconds
        self._store: KeyStore | None = None
        self._keys: dict[str, ApiKey] = {}
        self._version = -1
        self._seen = float("-inf")
        self._looking = asyncio.Lock()

    async def find(self, key_id: str) -> ApiKey | None:
        """The key with that id, whether it is still valid or not.

        Raises:
            DatabaseError: the keys cannot be read.
        """
        if self._is_outdated():
            async with self._looking:
                if self._is_outdated():
                    await asyncio.to_thread(self._look)
                    self._seen = asyncio.get_running_loop().time()
        return self._keys.get(key_id)

    async def aclose(self) -> None:
        """Close the file of keys."""
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    def _is_outdated(self) -> bool:
        return asyncio.get_running_loop().time() - self._seen >= self._fresh

    def _look(self) -> None:
        if self._store is None:
            self._store = KeyStore(self._home)
        version = self._store.version()
        if version != self._version:
            self._keys = {key.id: key for key in self._store.all()}
            self._version = version
