from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.errors import UploadError
from ingest.sources.sidecars import is_sidecar
from service.jobs.names import upload_name


@given(st.text(max_size=300))
@example("../../etc/passwd")
@example("..\\..\\windows\\system32\\drivers\\etc\\hosts")
@example("/etc/shadow")
@example("....//....//x")
@example("a\x00.pdf")
@example("\u202efdp.exe")
@example("x.meta.json")
@example(".troikaignore")
@example("e\u0301" * 200)
def test_whatever_a_client_states_the_name_stays_in_its_folder(stated: str) -> None:
    try:
        name = upload_name(stated)
    except UploadError as error:
        assert "\n" not in str(error)
        return
    folder = Path("/srv/uploads")
    assert (folder / name).parent == folder
    assert (folder / name).resolve().parent == folder
    assert not name.startswith(".")
    assert not is_sidecar(name)
    assert len(name.encode()) <= 245
    assert name.isprintable() or all(c.isprintable() or c.isspace() or ord(c) > 0x9F for c in name)
    assert upload_name(name) == name


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Angebot Nr. 7.docx", "Angebot Nr. 7.docx"),
        ("灰度发布.md", "灰度发布.md"),
        ("cafe\u0301.txt", "café.txt"),
        (".bashrc", "bashrc"),
        ("a\r\nb.txt", "ab.txt"),
    ],
)
def test_the_last_part_is_kept_in_one_spelling(stated: str, kept: str) -> None:
    assert upload_name(stated) == kept


@pytest.mark.parametrize("stated", ["", "..", "/", "a/", "...", "report.pdf.meta.json", "x" * 300])
def test_what_is_no_name_is_refused(stated: str) -> None:
    with pytest.raises(UploadError):
        upload_name(stated)
