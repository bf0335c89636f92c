"""From the records of a run to the files that tell what came of it."""

from __future__ import annotations

import logging
from pathlib import Path

from eval.measures.answers import answer_measures
from eval.measures.configured import configured_measures
from eval.reports.answer_report import AnswerReport, report_answers
from eval.reports.page import render_page
from eval.runs.folder import RunFolder
from ingest.errors import CasesError
from ingest.optional import is_installed
from ingest.settings import Settings
from ingest.snapshots.durable import replace_text

REPORT = "report.json"
PAGE = "report.html"
CASES = "cases.parquet"

logger = logging.getLogger(__name__)


def write_report(folder: RunFolder, settings: Settings | None = None) -> AnswerReport:
    """Measure a run and write ``report.json``, ``report.html`` and ``cases.parquet`` into its folder.

    The table is left out, with a warning, where the library that writes it isn't installed: it weighs more
    than a server that never evaluates should carry, and the records hold the same.

    Args:
        settings: whose prices and NLI model are measured with, too.

    Raises:
        CasesError: there is no record yet, or a line of the records is none.
        ModelNotFoundError, SettingsError, EntailmentError: the NLI model cannot be used.
    """
    records = sorted(folder.records(), key=lambda record: record.case.id)
    if not records:
        raise CasesError(f"{folder.path} holds no answer yet: run the evaluation first.")
    configured = () if settings is None else configured_measures(records, settings)
    measures = (*answer_measures(records), *configured)
    report = report_answers(folder.identity, records, measures)
    replace_text(folder.path / REPORT, report.canonical_json())
    replace_text(folder.path / PAGE, render_page(report, records))
    if is_installed("pyarrow"):
        from eval.reports.case_table import write_case_table

        write_case_table(folder.path / CASES, records, measures)
    else:
        logger.warning('%s is left out: pip install "troika[report]" brings what writes it.', CASES)
    return report


def report_files(folder: Path) -> list[Path]:
    """The files of a report that are in ``folder``."""
    return [path for name in (REPORT, PAGE, CASES) if (path := folder / name).is_file()]
