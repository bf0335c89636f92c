"""A server that asks nobody who they are is for its own machine alone, unless it is told otherwise."""

from __future__ import annotations

from ipaddress import ip_address

from ingest.errors import SettingsError
from ingest.settings_access import AuthSettings, LimitSettings


def check_exposure(settings: AuthSettings, address: str) -> None:
    """See to it that a server that listens at ``address``, an IP address, may be asked by those who reach it.

    Raises:
        SettingsError: other machines reach it, and it would answer all of them.
    """
    if settings.somebody_asks or ip_address(address).is_loopback:
        return
    raise SettingsError(
        f"server.host is {address}, which other machines reach, and auth.mode is off: set it to keys (which "
        "`troika keys create` makes), or set auth.allow_anonymous = true behind something that asks instead."
    )


def check_limits(auth: AuthSettings, limits: LimitSettings) -> None:
    """See to it that what is said of each asker's requests can be held against somebody.

    Raises:
        SettingsError: a rate or a quota is set, and nobody is told apart.
    """
    if auth.mode.takes_keys or auth.mode.takes_tokens:
        return
    found = next((name for name in ("rate", "quota") if getattr(limits, name) is not None), None)
    if found is not None:
        raise SettingsError(
            f"limits.{found} is {getattr(limits, found)}, and auth.mode is off, so that all askers are one: "
            f"set auth.mode to keys, or leave limits.{found} to what stands before the server."
        )
