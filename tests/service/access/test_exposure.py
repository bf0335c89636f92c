from __future__ import annotations

import pytest

from ingest.choices import AuthMode
from ingest.errors import SettingsError
from ingest.settings_access import AuthSettings, LimitSettings
from service.access.exposure import check_exposure, check_limits


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_the_own_machine_may_ask_without_a_key(address: str) -> None:
    check_exposure(AuthSettings(), address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "8.8.8.8"])
def test_a_server_that_others_reach_asks_for_keys_or_is_told_not_to(address: str) -> None:
    with pytest.raises(SettingsError, match="troika keys create"):
        check_exposure(AuthSettings(), address)
    check_exposure(AuthSettings(mode=AuthMode.KEYS), address)
    check_exposure(AuthSettings(allow_anonymous=True), address)


def test_a_rate_that_could_be_held_against_nobody_is_refused() -> None:
    rated = LimitSettings(rate="60/min")
    check_limits(AuthSettings(mode=AuthMode.KEYS), rated)
    check_limits(AuthSettings(), LimitSettings())
    with pytest.raises(SettingsError, match=r"limits\.rate is 60/min, and auth\.mode is off"):
        check_limits(AuthSettings(allow_anonymous=True), rated)
