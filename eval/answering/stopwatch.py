"""How long whoever asks waits."""

from __future__ import annotations

import time


class Stopwatch:
    """Milliseconds since it was made; ``first_words_ms`` is when the first words came, None before."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.first_words_ms: float | None = None

    def words(self) -> None:
        """Words came; only the first count."""
        if self.first_words_ms is None:
            self.first_words_ms = self.elapsed_ms()

    def elapsed_ms(self) -> float:
        """Milliseconds until now."""
        return (time.perf_counter() - self._started) * 1e3
