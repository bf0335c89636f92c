"""What a gate decided, kept in a file that a promotion has to present.

The report names the runs it compared and carries its own SHA-256, so that a release can say on what figures
it was promoted. The digest shows that a report was changed or cut off; it is no signature, and who may write
the file can write another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from eval.decision.finding import Finding
from eval.decision.gate_config import GateConfig
from eval.decision.pairs import Pairs
from eval.runs.record import RunIdentity
from ingest.choices import GeneratorKind
from ingest.errors import GateReportError
from ingest.snapshots.durable import replace_text

REPORT = "gate.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a gate's report lets something be promoted, true as a whole if so; else why not."""

    reasons: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class GateReport:
    """A decision: the runs it is about, what was asked of them, and what was found.

    ``config_sha256`` is that of ``GateConfig``; ``sha256`` that of the report without it, as canonical JSON:
    keys in order, no white space, UTF-8.
    """

    format: int
    passed: bool
    findings: tuple[Finding, ...]
    config_sha256: str
    candidate: RunIdentity
    baseline: RunIdentity
    general_candidate: RunIdentity | None
    general_baseline: RunIdentity | None
    sha256: str

    def permits(
        self, *, release: str, prompt_id: str, snapshot_id: str | None, refusal_bias: float
    ) -> Permission:
        """Whether this very release, prompt and snapshot were measured and found good enough."""
        reasons = [finding.reason for finding in self.findings if not finding.passed]
        for what, measured, asked in (
            ("release", self.candidate.release, release),
            ("prompt", self.candidate.prompt_id, prompt_id),
            ("snapshot", self.candidate.snapshot_id, snapshot_id),
        ):
            if measured != asked:
                reasons.append(f"the report is about the {what} {measured}, and this is {asked}")
        bias = self.candidate.refusal_bias
        if bias not in (None, refusal_bias):
            reasons.append(f"the report is about a refusal bias of {bias:g}, and this is {refusal_bias:g}")
        return Permission((*reasons, *self._confounded()))

    def _confounded(self) -> Iterator[str]:
        """Why what was measured may not be owed to the release at all."""
        candidate, baseline = self.candidate, self.baseline
        if candidate.generator == GeneratorKind.EXTRACTIVE.value:
            yield "the candidate's answers were quoted (generator extractive), and none is the release's own"
        if (candidate.settings_sha256, candidate.url) != (baseline.settings_sha256, baseline.url):
            yield "the two sides were asked with different settings or at different servers"


def gate_report(
    config: GateConfig, findings: Sequence[Finding], target: Pairs, general: Pairs | None
) -> GateReport:
    """The report of ``findings``; it passes where all of them do."""
    report = GateReport(
        format=FORMAT,
        passed=all(finding.passed for finding in findings),
        findings=tuple(findings),
        config_sha256=config.sha256,
        candidate=target.second_run,
        baseline=target.first_run,
        general_candidate=None if general is None else general.second_run,
        general_baseline=None if general is None else general.first_run,
        sha256="",
    )
    return replace(report, sha256=_digest(_fields(report)))


def write_gate_report(path: Path, report: GateReport) -> None:
    """Write ``report`` to ``path``, durably and in one step."""
    replace_text(path, gate_report_json(report))


def gate_report_json(report: GateReport) -> str:
    """The text of the file: the fields in order, indented."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def read_gate_report(path: Path) -> GateReport:
    """The report in the file ``path``.

    Raises:
        GateReportError: it can't be read, isn't whole, or was changed.
    """
    try:
        content = path.read_bytes()
        report = msgspec.json.decode(content, type=GateReport)
        fields = msgspec.json.decode(content, type=dict[str, object])
    except (OSError, msgspec.DecodeError) as error:
        raise GateReportError(
            f"{path} is no report of a gate ({error}): give the file that `troika eval gate` wrote."
        ) from error
    digest = _digest(fields)
    if digest != report.sha256:
        raise GateReportError(
            f"{path} has the SHA-256 {digest}, but {report.sha256} is written in it: it was changed, so run "
            "`troika eval gate` again."
        )
    return report


def _fields(report: GateReport) -> dict[str, object]:
    return msgspec.convert(msgspec.to_builtins(report), dict[str, object])


def _digest(fields: dict[str, object]) -> str:
    """The SHA-256 of everything but the digest itself."""
    rest = {name: value for name, value in fields.items() if name != "sha256"}
    return hashlib.sha256(msgspec.json.encode(rest, order="deterministic")).hexdigest()
