"""``troika mcp`` over real pipes, asked by the SDK's own client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from ingest.settings import Settings
from tests.service.conftest import COLLECTION

ROOT = Path(__file__).parents[3]
COMMAND = ("-m", "troika", "mcp")
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "TROIKA_GENERATOR__KIND": "extractive"}


@pytest.mark.anyio
async def test_the_tools_answer_over_pipes(small_settings: Settings, tmp_path: Path) -> None:
    for name in ("collections", "models"):
        (tmp_path / name).symlink_to(small_settings.home / name)
    server = StdioServerParameters(
        command=sys.executable,
        args=[*COMMAND, "--collection", COLLECTION],
        env=os.environ | ENVIRONMENT | {"TROIKA_HOME": str(tmp_path)},
        cwd=tmp_path,
    )
    async with Client(stdio_client(server)) as client:
        found = await client.call_tool("search", {"query": "LoRA rank", "k": 2})
        answer = await client.call_tool("ask", {"question": "Which rank is the default for an adapter?"})
        elsewhere = {"query": "LoRA rank", "filter": {"nokey": "x"}}
        refused = await client.call_tool("search", elsewhere)
    assert found.structured_content is not None
    assert len(found.structured_content["passages"]) == 2
    assert answer.structured_content is not None
    assert "A rank of 16 is the default" in answer.structured_content["answer"]
    assert answer.structured_content["citations"][0]["uri"]
    assert refused.is_error
    assert "filter_invalid" in str(refused.content)


def test_nothing_but_the_protocol_is_written_on_standard_output(tmp_path: Path) -> None:
    asked = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "ask", "arguments": {"question": "x"}},
        },
    ]
    process = subprocess.Popen(
        [sys.executable, *COMMAND, "--url", "http://127.0.0.1:9"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | ENVIRONMENT,
        cwd=tmp_path,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.writelines(f"{json.dumps(message)}\n" for message in asked)
    process.stdin.flush()
    replies = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.stdin.close()
    assert process.wait(60) == 0
    assert process.stdout.read() == ""
    assert [reply["id"] for reply in replies] == [1, 2]
    assert replies[0]["result"]["serverInfo"]["name"] == "troika"
    assert "server_failed" in str(replies[1]["result"]["content"])
