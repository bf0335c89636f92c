"""Two threads of the test-suite may make syntax trees at once."""

from __future__ import annotations

import ast
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def parse_again_and_again(source: str, times: int) -> int:
    return sum(isinstance(ast.parse(source), ast.Module) for _ in range(times))


def let_others_run(_phase: str, _info: dict[str, int]) -> None:
    time.sleep(0)


def test_trees_made_while_garbage_is_collected_do_not_meet() -> None:
    long = Path(ast.__file__).read_text(encoding="utf-8")
    gc.callbacks.append(let_others_run)
    try:
        with ThreadPoolExecutor(2) as pool:
            many = pool.submit(parse_again_and_again, "{'shape': (3, 4)}", 20_000)
            assert parse_again_and_again(long, 10) == 10
            assert many.result() == 20_000
    finally:
        gc.callbacks.remove(let_others_run)
