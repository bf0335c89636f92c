from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.errors import GeneratorError
from ingest.settings_vllm import VllmSettings
from service.vllm.command import VllmCommand, vllm_command
from service.vllm.process import SupervisionPolicy, VllmProcess, VllmState

FAKE = Path(__file__).with_name("fake_vllm.py")
QUICK = SupervisionPolicy(
    start_seconds=20.0,
    silent_seconds=1.0,
    poll_seconds=0.05,
    first_pause=0.05,
    longest_pause=0.4,
    stop_seconds=5.0,
)
PATIENCE = 30.0


@dataclass(frozen=True)
class Stage:
    """A fake vLLM with the file that it takes its orders from."""

    orders: Path
    log: Path
    command: VllmCommand

    def order(self, what: str) -> None:
        self.orders.write_text(what)

    def process_ids(self) -> list[int]:
        return [int(line) for line in self.orders.with_suffix(".starts").read_text().split()]

    def process(self) -> VllmProcess:
        return VllmProcess(self.command, self.log, QUICK)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    orders = tmp_path / "orders"
    orders.write_text("run")
    command = vllm_command(VllmSettings(python=Path(sys.executable)), str(model), tmp_path)
    arguments = (sys.executable, str(FAKE), *command.arguments[3:])
    environment = {**command.environment, "ORDERS": str(orders)}
    yield Stage(orders, tmp_path / "logs" / "vllm.log", VllmCommand(arguments, environment, command.base_url))
    for process_id in Stage.process_ids(Stage(orders, orders, command)):
        with suppress(ProcessLookupError, FileNotFoundError):  # it may end in between
            os.kill(process_id, signal.SIGKILL)


async def until(process: VllmProcess, state: VllmState) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.state is not state:
            await asyncio.sleep(0.01)


def is_alive(process_id: int) -> bool:
    with suppress(ProcessLookupError, FileNotFoundError):  # it may end in between
        os.kill(process_id, 0)
        return Path(f"/proc/{process_id}/stat").read_text().split(") ")[1][0] != "Z"
    return False


@pytest.mark.anyio
async def test_it_is_ready_when_it_answers_and_gone_when_it_is_stopped(stage: Stage) -> None:
    process = stage.process()
    process.start()
    await process.wait_ready(PATIENCE)
    (process_id,) = stage.process_ids()
    assert is_alive(process_id)
    await process.stop()
    assert process.state is VllmState.STOPPED
    assert not is_alive(process_id)
    assert "loading the weights" in stage.log.read_text()


@pytest.mark.anyio
@pytest.mark.parametrize("fault", ["die", "silent"])
async def test_one_that_dies_or_falls_silent_is_started_again(stage: Stage, fault: str) -> None:
    process = stage.process()
    process.start()
    await process.wait_ready(PATIENCE)
    stage.order(fault)
    await until(process, VllmState.DOWN)
    stage.order("run")
    await process.wait_ready(PATIENCE)
    first, second = stage.process_ids()
    assert not is_alive(first)
    assert is_alive(second)
    await process.stop()


@pytest.mark.anyio
async def test_one_that_cannot_start_is_tried_again_with_growing_pauses_and_its_words_are_told(
    stage: Stage,
) -> None:
    stage.order("fail")
    process = stage.process()
    process.start()
    with pytest.raises(GeneratorError, match="there are no weights"):
        await process.wait_ready(3.0)
    assert 2 <= process.starts <= 20
    stage.order("run")
    await process.wait_ready(PATIENCE)
    await process.stop()


@pytest.mark.anyio
async def test_who_waits_for_one_start_alone_is_told_the_first_exception_of_it(stage: Stage) -> None:
    stage.order("raise")
    process = stage.process()
    process.start()
    with pytest.raises(GeneratorError, match=r"vLLM ended: ValueError: no memory is left \(see "):
        await process.wait_ready(PATIENCE, once=True)
    await process.stop()


@pytest.mark.anyio
async def test_one_that_the_machine_cannot_start_now_is_tried_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.log.parent.write_text("no folder")
    process = stage.process()
    process.start()
    await until(process, VllmState.DOWN)
    assert "vLLM cannot be started" in caplog.text
    stage.log.parent.unlink()
    await process.wait_ready(PATIENCE)
    await process.stop()
    assert process.state is VllmState.STOPPED


@pytest.mark.anyio
async def test_it_is_stopped_though_its_supervision_failed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_client: object) -> bool:
        raise RuntimeError("unforeseen")

    process = stage.process()
    process.start()
    await process.wait_ready(PATIENCE)
    (process_id,) = stage.process_ids()
    monkeypatch.setattr(process, "_answers", fail)
    async with asyncio.timeout(PATIENCE):
        while is_alive(process_id):
            await asyncio.sleep(0.01)
    await process.stop()
    assert process.state is VllmState.STOPPED


def test_it_does_not_outlive_a_killed_parent(stage: Stage, tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, json, sys
        from pathlib import Path
        from service.vllm.command import VllmCommand
        from service.vllm.process import VllmProcess
        async def main():
            arguments, environment, url, log = json.loads(sys.argv[1])
            process = VllmProcess(VllmCommand(tuple(arguments), environment, url), Path(log))
            process.start()
            await process.wait_ready(30)
            print("ready", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """
    )

    told = json.dumps(
        [stage.command.arguments, dict(stage.command.environment), stage.command.base_url, str(stage.log)]
    )
    parent = subprocess.Popen([sys.executable, "-c", script, told], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    (child,) = stage.process_ids()
    deadline = time.monotonic() + PATIENCE
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(child)
