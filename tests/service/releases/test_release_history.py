from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import ReleaseHistoryError
from service.releases.release_history import (
    BASE,
    CURRENT,
    RELEASES,
    Canary,
    Change,
    current_number,
    current_record,
    read_history,
    verify_history,
    writing_history,
)


def publish(home: Path, release: str) -> None:
    with writing_history(home) as history:
        history.publish(Change.PROMOTED, release, reason=f"{release} was tried", back_to=0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for release in ("sft@00000001", "sft@00000002", BASE):
        publish(tmp_path, release)
    return tmp_path


def record(home: Path, number: int) -> Path:
    return home / RELEASES / f"{number:06}.json"


def rewrite(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_last_record_says_what_is_served(home: Path) -> None:
    last = current_record(home)
    assert last is not None
    assert (last.number, last.release, current_number(home)) == (3, BASE, 3)
    assert [one.release for one in verify_history(home)] == ["sft@00000001", "sft@00000002", BASE]


def test_an_empty_history_is_whole(tmp_path: Path) -> None:
    assert (verify_history(tmp_path), current_record(tmp_path)) == ([], None)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_record_is_named(home: Path, number: int) -> None:
    rewrite(record(home, number), report_sha256="0" * 64)
    with pytest.raises(ReleaseHistoryError, match=rf"{number:06}\.json: its SHA-256"):
        verify_history(home)
    assert len(read_history(home)) == 3


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b'{"number": ')])
def test_a_record_that_is_missing_or_cut_off_is_named(
    home: Path, number: int, damage: Callable[[Path], object]
) -> None:
    damage(record(home, number))
    with pytest.raises(ReleaseHistoryError, match=rf"{number:06}\.json of the releases cannot be read"):
        verify_history(home)


def test_a_record_that_is_left_out_is_missed(home: Path) -> None:
    record(home, 2).unlink()
    record(home, 3).rename(record(home, 2))
    (home / RELEASES / CURRENT).write_text(f"2 {(home / RELEASES / CURRENT).read_text().split()[1]}")
    with pytest.raises(ReleaseHistoryError, match=r"000001\.json"):
        verify_history(home)


def test_a_chain_that_does_not_begin_with_its_first_record_is_broken(tmp_path: Path) -> None:
    publish(tmp_path, BASE)
    first = record(tmp_path, 1)
    rewrite(first, before_sha256="1" * 64)
    (tmp_path / RELEASES / CURRENT).write_text(f"1 {hashlib.sha256(first.read_bytes()).hexdigest()}")
    with pytest.raises(ReleaseHistoryError, match=r"000001\.json: it names one before it"):
        verify_history(tmp_path)


@pytest.mark.parametrize("pointer", ["", "7", "x y", "1 2 3"])
def test_a_damaged_pointer_is_an_error(home: Path, pointer: str) -> None:
    (home / RELEASES / CURRENT).write_text(pointer)
    with pytest.raises(ReleaseHistoryError, match="CURRENT does not hold"):
        current_number(home)


def test_a_record_of_another_format_is_refused(home: Path) -> None:
    rewrite(record(home, 3), format=1)
    with pytest.raises(ReleaseHistoryError, match=r"000003\.json"):
        current_record(home)


def test_a_crash_before_the_pointer_moves_leaves_the_last_record_in_force(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.releases import release_history

    replace_text = release_history.replace_text

    def crash(path: Path, text: str) -> None:
        if path.name == CURRENT:
            raise OSError("the power failed")
        replace_text(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(release_history, "replace_text", crash)
        with pytest.raises(OSError, match="power"):
            publish(home, "sft@00000003")
    assert record(home, 4).is_file()
    assert current_number(home) == 3
    assert len(verify_history(home)) == 3
    publish(home, "sft@00000004")
    assert [one.release for one in verify_history(home)][2:] == [BASE, "sft@00000004"]


def test_readers_and_writers_at_the_same_time_see_whole_records_only(tmp_path: Path) -> None:
    publish(tmp_path, BASE)
    done = threading.Event()
    failures: list[Exception] = []

    def read() -> None:
        while not done.is_set():
            try:
                assert current_record(tmp_path) is not None
            except Exception as error:
                failures.append(error)
                return

    def write(name: str) -> None:
        for _ in range(10):
            publish(tmp_path, name)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(f"sft@0000000{n}",)) for n in range(3)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert len(verify_history(tmp_path)) == 31


@settings(max_examples=10)
@given(
    st.builds(
        Canary,
        release=st.sampled_from(("sft@00000001", "dpo@00000002")),
        share=st.floats(0, 1),
        report_sha256=st.none() | st.just("a" * 64),
    )
    | st.none(),
    st.text(max_size=20),
)
def test_a_record_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, canary: Canary | None, reason: str
) -> None:
    home = tmp_path_factory.mktemp("home")
    with writing_history(home) as history:
        written = history.publish(Change.CANARY, BASE, reason=reason, back_to=None, canary=canary)
    assert verify_history(home) == [written]
