"""Records as tests compare them."""

from __future__ import annotations

import dataclasses

from eval.runs.folder import RunFolder
from eval.runs.record import CaseRecord


def made(folder: RunFolder) -> dict[str, CaseRecord]:
    """The records by their cases' ids, each once, without what differs from one time to the next."""
    records = [timeless(record) for record in folder.records()]
    by_id = {record.case.id: record for record in records}
    assert len(by_id) == len(records)
    return by_id


def timeless(record: CaseRecord) -> CaseRecord:
    """The record without its times."""
    answer = None if record.answer is None else dataclasses.replace(record.answer, timings_ms={})
    return dataclasses.replace(record, answer=answer, first_token_ms=None, total_ms=0.0)
