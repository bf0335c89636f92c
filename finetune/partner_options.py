"""Options that say something about another one, and nothing without it."""

from __future__ import annotations

from ingest.errors import UsageError


def require_partner(option: str, value: object, partner: str, partner_value: object) -> None:
    """Refuse ``option`` where it would be passed over in silence; an option that is not given is None.

    Raises:
        UsageError: it is given, and its partner is not.
    """
    if value is not None and partner_value is None:
        raise UsageError(
            f"{option} is given without {partner}, which it is about, and would change nothing: "
            f"add {partner}, or leave {option} out."
        )
