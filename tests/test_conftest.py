"""The guard that keeps tests from the network does guard."""

from __future__ import annotations

import os
import socket

import pytest

from tests.conftest import NetworkGuard


def test_a_connection_to_another_machine_is_refused_and_remembered(network_guard: NetworkGuard) -> None:
    with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
        probe.connect(("192.0.2.1", 80))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("example.org", 80), timeout=1)
    assert network_guard.attempts == ["192.0.2.1", "example.org"]
    network_guard.attempts.clear()


def test_a_connection_to_this_machine_is_let_through(network_guard: NetworkGuard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
    assert network_guard.attempts == []


def test_model_libraries_are_told_to_stay_offline() -> None:
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
