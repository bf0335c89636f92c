"""A server that asks nobody who they are is for its own machine alone, unless it is told otherwise."""

from __future__ import annotations

from ipaddress import ip_address

from ingest.errors import SettingsError
from ingest.settings_access import AuthSettings


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
