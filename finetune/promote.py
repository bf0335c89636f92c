"""Promotion by proof: an adapter is served only with a passing gate's report about exactly that adapter.

The report has to be about the prompt and the snapshot that are served, too, and to hold the adapter against
what is served. It is kept with the release. The base model needs no proof, and neither does a way back.
"""

from __future__ import annotations

from pathlib import Path

from eval.decision.gate_report import read_gate_report
from ingest.errors import GateReportError, PromotionRefusedError, ReleaseHistoryError, UsageError
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import read_manifest
from service.prompt import PROMPT_ID
from service.releases.promotion import Proof, promote, start_canary
from service.releases.release import named_release
from service.releases.release_history import BASE, ReleaseRecord, report_path, verify_history
from service.releases.served import first_release, served_name


def promote_proven(settings: Settings, name: str, report: Path | None, share: float | None = None) -> None:
    """Serve ``name`` to all, or as a canary to a ``share`` of the conversations (above 0 and below 1).

    Raises:
        AdapterNotFoundError, AdapterRejectedError, UsageError: as ``service.releases.promotion.promote``.
        PromotionRefusedError: the report does not show that this adapter may be served here and now.
        GateReportError: it cannot be read, or was changed.
    """
    if name == BASE and share is not None:
        raise UsageError("the base model is no candidate: a canary tries an adapter, so leave --canary out.")
    proof = None if name == BASE else prove(settings, name, report)
    first = first_release(settings.generator).adapter
    if share is None:
        promote(settings.home, name, proof, first)
    else:
        start_canary(settings.home, name, share, proof, first)


def prove(settings: Settings, name: str, path: Path | None) -> Proof:
    """The report in ``path``, found to let ``name`` in; see ``promote_proven``."""
    release = named_release(settings.home, name)
    served = served_name(settings)
    if name == served:
        raise UsageError(f"{name} is served to all already: promote another one, or roll back.")
    if path is None:
        raise PromotionRefusedError(
            f"{name} is not promoted: no gate's report was given; {_remedy(settings, name, served)}"
        )
    report = read_gate_report(path)
    snapshot = read_manifest(Collection(settings.home, settings.collection).require_current())
    permission = report.permits(
        release=name, prompt_id=PROMPT_ID, snapshot_id=snapshot.id, refusal_bias=release.refusal_bias
    )
    reasons = [*permission.reasons]
    if report.baseline.release != served:
        reasons.append(f"the report holds it against {report.baseline.release}, and {served} is served")
    if reasons:
        raise PromotionRefusedError(
            f"{name} is not promoted: {'; '.join(reasons)}; {_remedy(settings, name, served)}"
        )
    return Proof(path.read_text("utf-8"), report.sha256)


def verify_releases(home: Path) -> list[ReleaseRecord]:
    """All records of the history, oldest first, and the reports that they name, found to be unchanged.

    Raises:
        ReleaseHistoryError: a record or its report is missing or was changed.
    """
    records = verify_history(home)
    for record in records:
        canary = None if record.canary is None else record.canary.report_sha256
        for sha256 in filter(None, (record.report_sha256, canary)):
            _verify_report(home, record, sha256)
    return records


def _verify_report(home: Path, record: ReleaseRecord, sha256: str) -> None:
    try:
        found = read_gate_report(report_path(home, sha256)).sha256
    except GateReportError as error:
        raise ReleaseHistoryError(
            f"the report of the release {record.number:06} is damaged: {error}"
        ) from error
    if found != sha256:
        raise ReleaseHistoryError(
            f"the report of the release {record.number:06} is another one: its SHA-256 is {found}, expected "
            f"{sha256}; restore it from a backup."
        )


def _remedy(settings: Settings, name: str, served: str) -> str:
    """The commands that would prove it."""
    ask = f"`troika eval answers --cases FILE --collection {settings.collection}"
    return (
        f"measure both ({ask} --release {name} --out NEW`, {ask} --release {served} --out OLD`), ask "
        "`troika eval gate --candidate NEW --baseline OLD`, and give NEW/gate.json as --report."
    )
