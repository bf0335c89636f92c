"""Which of several servers answers: one that has read the same beginning, unless it has too much to do.

A server keeps what it computed for the beginning of a prompt, so prompts that begin alike belong together.
Rendezvous hashing (Thaler & Ravishankar 1998) gives each beginning an order of all servers that hangs on
nothing else, so that a server that comes or goes moves only the prompts that are its own. The first server in
that order answers that has less than its bound of the answers under way (consistent hashing with bounded
loads, Mirrokni, Thorup & Zadimoghaddam 2016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from service.generate import Message

BOUND = 1.25
"""Times the mean load that a server may have; the paper's c."""

_PREFIX_CHARACTERS = 256


def prefix_of(messages: Sequence[Message]) -> str:
    """The part of a prompt that tells the first passage, or the conversation, from all others.

    The first message is the same for all questions, so the beginning of the second one counts: of an answer's
    prompt that is the first passage, of a follow-up's the conversation's first turn.
    """
    return messages[min(1, len(messages) - 1)].content[:_PREFIX_CHARACTERS]


def choose(prefix: str, loads: Mapping[str, int]) -> str:
    """The server, of at least one, for a prompt that begins with ``prefix``.

    ``loads`` are the answers under way at each server. The load of the one that is chosen is below
    ``ceil(BOUND * (all answers + 1) / servers)``.
    """
    bound = math.ceil(BOUND * (sum(loads.values()) + 1) / len(loads))
    order = sorted(loads, key=lambda name: _weight(prefix, name), reverse=True)
    return next(name for name in order if loads[name] < bound)


def _weight(prefix: str, name: str) -> bytes:
    return blake2b(f"{name}\n{prefix}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
