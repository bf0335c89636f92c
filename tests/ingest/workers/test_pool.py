"""A file that hangs, crashes, bloats or lies costs itself alone; the others and the parent go on."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import (
    BrokenFileError,
    FileTooLargeError,
    ParseError,
    ParseMemoryError,
    ParserCrashedError,
    ParseTimeoutError,
    UnreadableFileError,
    UsageError,
)
from ingest.parse import ParseLimits, parse_parts
from ingest.parsers.text_builder import ParsedFile
from ingest.workers import pool as module
from ingest.workers.pool import ParseResult, ParserPool, ParseTask, WorkerLimits

HOSTILE = "tests.ingest.hostile_worker"
ROOT = Path(__file__).parents[3]
LIMITS = WorkerLimits(seconds=0.7, memory_bytes=200_000_000)
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def orders(*texts: str) -> list[ParseTask]:
    return [ParseTask(key, None, text.encode(), f"{key}.txt") for key, text in enumerate(texts)]


def told(result: ParseResult) -> str:
    """What a part says: its text."""
    assert result.part is not None
    if isinstance(result.part.outcome, ParseError):
        raise result.part.outcome
    return result.part.outcome.text


def outcomes(results: list[ParseResult]) -> dict[int, list[str | type[ParseError]]]:
    """The texts and kinds of error of each task, in the order in which they came."""
    found: dict[int, list[str | type[ParseError]]] = {}
    for result in results:
        parts = found.setdefault(result.key, [])
        if result.part is not None:
            outcome = result.part.outcome
            parts.append(outcome.text if isinstance(outcome, ParsedFile) else type(outcome))
    assert sorted(result.key for result in results if result.last) == sorted(found), "each is closed once"
    return found


def obey(*texts: str, limits: WorkerLimits = LIMITS, processes: int = 2) -> dict[int, list[Any]]:
    with ParserPool(processes, limits, module=HOSTILE) as pool:
        return outcomes(list(pool.parse(orders(*texts))))


def only_error(text: str, limits: WorkerLimits = LIMITS) -> ParseError:
    """The error that comes of a task, with a task before and one behind it that both come through."""
    with ParserPool(1, limits, module=HOSTILE) as pool:
        results = list(pool.parse(orders("say before", text, "say behind")))
    found = outcomes(results)
    assert (found[0], found[2]) == (["before"], ["behind"])
    (error,) = [
        r.part.outcome for r in results if r.key == 1 and r.part and isinstance(r.part.outcome, ParseError)
    ]
    assert str(error).startswith("1.txt: ")
    assert "\n" not in str(error)
    return error


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def test_real_files_come_out_as_in_this_process(folder: Path) -> None:
    (folder / "empty.md").write_bytes(b"")
    (folder / "page.html").write_text("<title>T</title><h1>H</h1><p>Text of a page.</p>")
    files = [*sorted(file for file in folder.rglob("*") if file.is_file()), folder / "missing.txt"]
    with ParserPool(2, WorkerLimits()) as pool:
        results = list(pool.parse(ParseTask(key, file, None, file.name) for key, file in enumerate(files)))
    for key, file in enumerate(files):
        mine = [result for result in results if result.key == key]
        expected = list(parse_parts(file, ParseLimits()))
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
        assert {result.source_sha256 for result in mine} == {digest}
        assert [result.last for result in mine] == [False] * len(expected) + [True]
        for result, part in zip(mine, expected, strict=False):
            assert result.part is not None
            if isinstance(part.outcome, ParseError):
                assert type(result.part.outcome) is type(part.outcome)
                assert str(result.part.outcome) == str(part.outcome)
            else:
                assert result.part == part


def test_bytes_at_hand_are_parsed_by_their_name() -> None:
    content = "# 标题\n\n正文。".encode()
    with ParserPool(1, WorkerLimits()) as pool:
        part, end = pool.parse([ParseTask(7, None, content, "https://example.org/a.md")])
    assert told(part).endswith("正文。")
    assert (part.key, part.source_sha256, end.part, end.last) == (
        7,
        hashlib.sha256(content).hexdigest(),
        None,
        True,
    )


def test_a_name_that_is_no_text_is_read_and_told(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("Coffee.")
    with ParserPool(1, WorkerLimits()) as pool:
        part, _ = pool.parse([ParseTask(0, path, None, path.name)])
        (refused, _) = pool.parse([ParseTask(0, path.with_name("no\udce9.txt"), None, "no")])
    assert told(part) == "Coffee."
    with pytest.raises(UnreadableFileError, match=r"no\?"):
        told(refused)


def test_parts_come_one_by_one_and_in_order() -> None:
    assert obey("parts 50", "parts 50") == {key: [f"part {n}" for n in range(50)] for key in (0, 1)}


def test_a_file_without_parts_is_closed_all_the_same() -> None:
    with ParserPool(1, LIMITS, module=HOSTILE) as pool:
        (result,) = pool.parse(orders("parts 0"))
    assert result == ParseResult(0, None, hashlib.sha256(b"parts 0").hexdigest(), last=True)


def test_a_hanging_parser_is_stopped_and_its_file_named() -> None:
    error = only_error("sleep")
    assert isinstance(error, ParseTimeoutError)
    assert "longer than 0.7 s" in str(error)


@pytest.mark.parametrize("how", ["spin", "outlive_the_alarm"])
def test_a_parser_that_holds_the_interpreter_or_stops_the_alarm_is_stopped(how: str) -> None:
    assert isinstance(only_error(how), ParseTimeoutError)


def test_the_time_counts_for_each_part_and_what_came_before_is_kept() -> None:
    assert obey("parts 3 sleep", processes=1) == {0: ["part 0", "part 1", "part 2", ParseTimeoutError]}


def test_the_time_does_not_run_while_the_caller_is_busy() -> None:
    with ParserPool(1, WorkerLimits(seconds=0.3), module=HOSTILE) as pool:
        results: list[ParseResult] = []
        for result in pool.parse(orders("say a", "big 4000000", "say c")):
            results.append(result)
            time.sleep(0.4)
    assert [len(parts) for parts in outcomes(results).values()] == [1, 1, 1]
    assert not [
        error for parts in outcomes(results).values() for error in parts if not isinstance(error, str)
    ]


@needs_proc
@pytest.mark.parametrize("how", ["allocate 1000", "allocate", "allocate_in_c", "abort_for_memory"])
def test_a_parser_that_takes_too_much_memory_is_stopped(how: str) -> None:
    error = only_error(how, WorkerLimits(seconds=20, memory_bytes=200_000_000))
    assert isinstance(error, ParseMemoryError)
    assert "more than 200 MB" in str(error)


def test_a_file_that_does_not_fit_into_memory_is_its_own_fault() -> None:
    limits = WorkerLimits(seconds=20, memory_bytes=100_000_000)
    with ParserPool(1, limits, module=HOSTILE) as pool:
        large = ParseTask(1, None, b"say " + bytes(150_000_000), "large.txt")
        found = outcomes(
            list(pool.parse([*orders("say before"), large, ParseTask(2, None, b"say behind", "b")]))
        )
    assert found == {0: ["before"], 1: [ParseMemoryError], 2: ["behind"]}


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("crash", "SIGSEGV"),
        ("leave 3", "exit status 3"),
        ("leave 0", "exit status 0"),
        ("raise_it x", "KeyError"),
        ("exit_politely", "SystemExit: 3"),
    ],
)
def test_a_parser_that_dies_costs_its_file_alone_and_the_error_tells_how(how: str, named: str) -> None:
    error = only_error(how)
    assert isinstance(error, ParserCrashedError)
    assert named in str(error)


@pytest.mark.parametrize(
    "sent",
    [
        "ffffffff",
        "00000001c1",
        "00000000",
        "0000000a" + "80" * 10,
        "00000009" + "9007" + "a7" + "ff" * 6,
        "00" * 99,
    ],
)
def test_a_parser_that_sends_what_is_no_result_is_stopped(sent: str) -> None:
    error = only_error(f"send_raw {sent}")
    assert isinstance(error, ParserCrashedError)
    assert "and was stopped" in str(error)


def test_spans_outside_of_the_text_are_refused() -> None:
    assert isinstance(only_error("break_spans"), ParserCrashedError)


def test_an_error_of_a_parser_is_passed_on() -> None:
    (error,) = obey("refuse bad")[0]
    assert error is BrokenFileError


def test_what_a_parser_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    assert obey("print_garbage", "say on") == {0: ["printed"], 1: ["on"]}
    assert capfd.readouterr() == ("", "")


def test_a_parser_cannot_fill_the_disk() -> None:
    assert obey("write_much 1000", "write_much 20000000") == {0: ["written"], 1: ["OSError"]}


@needs_proc
def test_what_a_parser_has_started_dies_with_it(tmp_path: Path) -> None:
    assert obey(f"breed {tmp_path / 'child'}", "say on") == {0: [ParserCrashedError], 1: ["on"]}
    assert wait_until(lambda: not is_alive(int((tmp_path / "child").read_text())))


def test_a_worker_that_dies_between_files_costs_none() -> None:
    with ParserPool(1, WorkerLimits(seconds=10), module=HOSTILE) as pool:
        assert told(next(iter(pool.parse(orders("say a"))))) == "a"
        (first, _) = pool.parse(orders("process_id"))
        os.kill(int(told(first)), signal.SIGKILL)
        time.sleep(0.1)
        (second, _) = pool.parse(orders("process_id"))
    assert told(first) != told(second)


def test_a_file_that_a_dead_worker_had_not_begun_goes_to_another() -> None:
    found = obey(*["leave_afterwards", "say on"] * 3, limits=WorkerLimits(seconds=10), processes=1)
    assert list(found.values()) == [["done"], ["on"]] * 3


def test_many_files_come_through_among_many_that_do_not() -> None:
    texts = ["crash" if n % 10 == 3 else "leave 1" if n % 10 == 7 else f"say {n}" for n in range(60)]
    found = obey(*texts, limits=WorkerLimits(seconds=10))
    for number, text in enumerate(texts):
        assert found[number] == ([str(number)] if text.startswith("say") else [ParserCrashedError])


def test_a_worker_is_kept_until_it_has_done_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TASKS_OF_A_WORKER", 5)
    ids = [found[0] for found in obey(*["process_id"] * 20, processes=1).values()]
    assert 3 < len(set(ids)) < 7
    assert all(ids.count(process) < 8 for process in ids)


@needs_proc
def test_a_worker_that_keeps_memory_is_replaced() -> None:
    limits = WorkerLimits(seconds=20, memory_bytes=200_000_000)
    found = obey(
        "process_id", "process_id", "keep 120", "process_id", "process_id", limits=limits, processes=1
    )
    ids = [found[key][0] for key in range(5)]
    assert ids[0] == ids[1] == ids[2]
    assert ids[4] != ids[0]


def test_tasks_are_taken_only_when_there_is_room() -> None:
    taken: list[int] = []

    def source() -> Iterator[ParseTask]:
        for task in orders(*["say x"] * 20):
            taken.append(task.key)
            yield task

    with ParserPool(2, LIMITS, module=HOSTILE) as pool:
        results = pool.parse(source())
        assert taken == []
        done = 0
        for result in results:
            done += result.last
            assert len(taken) <= done + 4
    assert done == 20


def test_nothing_is_started_before_there_is_a_file_and_no_more_than_is_needed() -> None:
    with ParserPool(4, LIMITS, module=HOSTILE) as pool:
        assert list(pool.parse([])) == []
        assert pool.process_ids == ()
        list(pool.parse(orders("say one")))
        assert len(pool.process_ids) == 1


@needs_proc
def test_workers_end_with_the_pool_and_leave_nothing() -> None:
    with ParserPool(2, LIMITS, module=HOSTILE) as pool:
        (part, _) = pool.parse(orders("surroundings"))
        ids = pool.process_ids
    folder = Path(json.loads(told(part))["folder"])
    assert not folder.exists()
    assert not [process for process in ids if is_alive(process)]


@needs_proc
def test_leaving_early_ends_what_is_going_on() -> None:
    with ParserPool(2, WorkerLimits(seconds=60), module=HOSTILE) as pool:
        results = pool.parse(orders("process_id", "sleep", "sleep", "sleep"))
        first = int(told(next(results)))
        results.close()  # type: ignore[attr-defined]
        assert not is_alive(first)
        assert outcomes(list(pool.parse(orders("say again")))) == {0: ["again"]}


def test_a_pool_does_one_thing_at_a_time() -> None:
    with ParserPool(1, LIMITS, module=HOSTILE) as pool:
        first = pool.parse(orders("say a", "say b"))
        next(first)
        with pytest.raises(UsageError):
            next(pool.parse(orders("say c")))
        assert len(list(first)) == 3


def test_a_large_result_does_not_hold_up_the_others() -> None:
    small = [f"say {number}" for number in range(20)]
    with ParserPool(2, WorkerLimits(seconds=30), module=HOSTILE) as pool:
        results = list(pool.parse(orders("big 20000000", *small)))
    assert [len(told(r)) for r in results if r.key == 0 and r.part] == [20_000_000]
    assert [r.key for r in results].index(0) > 10


def test_the_text_of_a_file_is_limited() -> None:
    limits = WorkerLimits(parse=ParseLimits(text_characters=1000))
    with ParserPool(1, limits) as pool:
        part, _ = pool.parse([ParseTask(0, None, b"word " * 1000, "long.txt")])
    with pytest.raises(FileTooLargeError):
        told(part)


def test_a_worker_has_neither_secrets_nor_a_terminal_nor_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_TEST_API_KEY", "secret")
    with ParserPool(1, LIMITS, module=HOSTILE) as pool:
        part, _ = pool.parse(orders("surroundings"))
    found = json.loads(told(part))
    assert "TROIKA_TEST_API_KEY" not in found["environment"]
    assert found["core"] == 0
    assert found["session"]
    assert found["terminal"] == [False] * 3
    assert found["heavy"] == []


def test_workers_that_cannot_be_started_are_an_error_and_no_loop() -> None:
    with ParserPool(2, LIMITS, module="tests.ingest.no_such_module") as pool:
        with pytest.raises(ParserCrashedError, match="No module named"):
            list(pool.parse(orders("say a")))


# A shell that starts these tests in the background has interrupts ignored, and children inherit it.
_PARENT = """
import signal
from ingest.workers.pool import *
signal.signal(signal.SIGINT, signal.default_int_handler)
def work():
    with ParserPool(2, WorkerLimits(), module="tests.ingest.hostile_worker") as pool:
        for result in pool.parse([ParseTask(n, None, b"process_id", str(n)) for n in range(2)]):
            if result.part: print(result.part.outcome.text, flush=True)
        list(pool.parse([ParseTask(n, None, b"spin", str(n)) for n in range(2)]))
work()
"""


def ended(process: subprocess.Popen[str], by: signal.Signals) -> bool:
    """Whether the process has ended; if not, it gets the signal once more."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)
    if process.poll() is None:
        process.send_signal(by)
    return process.poll() is not None


@needs_proc
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(ended_by: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        ids = [int(parent.stdout.readline()) for _ in range(2)]
        time.sleep(0.3)
        assert all(is_alive(process) for process in ids)
        parent.send_signal(ended_by)
        # Python drops an interrupt that falls into a destructor: whoever sits there presses the keys again.
        assert wait_until(lambda: ended(parent, ended_by), 30)
    assert wait_until(lambda: not any(is_alive(process) for process in ids))


@needs_proc
def test_interrupting_the_terminal_reaches_no_worker() -> None:
    with ParserPool(1, LIMITS, module=HOSTILE) as pool:
        list(pool.parse(orders("say a")))
        (process,) = pool.process_ids
        assert os.getpgid(process) != os.getpgid(0)
        assert os.getsid(process) == process
