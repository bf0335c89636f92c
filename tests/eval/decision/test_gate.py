"""A gate lets in what is shown to be better and no worse, and nothing else."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.cli import eval_app
from eval.decision.finding import CaseSet, RuleKind
from eval.decision.gate import judge
from eval.decision.gate_config import DEFAULT_CONFIG, GateConfig, read_gate_config
from eval.decision.gate_report import (
    GateReport,
    Permission,
    gate_report,
    read_gate_report,
    write_gate_report,
)
from eval.decision.pairs import Pairs
from eval.runs.record import CaseRecord
from ingest.errors import GateReportError, RunMismatchError, SettingsError, UsageError
from tests.eval.decision.runs import answered, identity, records, written

BASELINE, CANDIDATE = identity(), replace(identity(), release="sft@01234567")
PAIRS = Pairs(BASELINE, CANDIDATE, tuple(records(0.5)), tuple(records(0.8, slower=1.05)))


def config(text: str) -> GateConfig:
    """A configuration that asks for a better F1, and for what ``text`` adds."""

    return GateConfig.model_validate(tomllib.loads('[[superior]]\nmeasure = "f1"\n' + text))


RULES = """
[[superior]]
measure = "em"
least_gain = 0.9

[[not_inferior]]
measure = "unsupported_sentence_rate"
margin = 0.05

[[not_inferior]]
measure = "f1"
each = "language"
margin = 0.01

[[not_inferior]]
measure = "refusal_recall"
slice = "language:fr"
margin = 0.01

[[absolute]]
measure = "failed"
value = 0.1

[[absolute]]
measure = "citation_validity"
value = 0.99

[[ratio]]
measure = "latency_p95_ms"
most = 1.2

[[ratio]]
measure = "answer_characters"
most = 0.5
"""


@pytest.fixture(scope="module")
def report() -> GateReport:
    asked = config(RULES)
    return gate_report(asked, judge(asked, PAIRS), PAIRS, None)


def test_every_rule_is_held_against_its_bound(report: GateReport) -> None:
    found = [(one.rule, one.measure, one.slice, one.passed) for one in report.findings]
    assert found == [
        (RuleKind.SUPERIOR, "f1", None, True),
        (RuleKind.SUPERIOR, "em", None, False),
        (RuleKind.NOT_INFERIOR, "unsupported_sentence_rate", None, True),
        (RuleKind.NOT_INFERIOR, "f1", "language:en", True),
        (RuleKind.NOT_INFERIOR, "f1", "language:zh", False),
        (RuleKind.NOT_INFERIOR, "refusal_recall", "language:fr", False),
        (RuleKind.ABSOLUTE, "failed", None, True),
        (RuleKind.ABSOLUTE, "citation_validity", None, False),
        (RuleKind.RATIO, "latency_p95_ms", None, True),
        (RuleKind.RATIO, "answer_characters", None, False),
    ]
    assert not report.passed
    for one in report.findings:
        assert one.interval is None or one.interval[0] <= one.interval[1]
        assert one.reason.startswith(one.measure)


def test_the_reasons_say_what_was_found_and_what_it_would_take(report: GateReport) -> None:
    reasons = [one.reason for one in report.findings]
    assert reasons[0] == "f1 is better: gain 0.176 to 0.320"
    assert "em is not shown to be better by more than 0.9: gain" in reasons[1]
    assert reasons[4] == "f1 of language:zh can't be judged: cases about 20 sources count, and 30 must"
    assert "cases about fewer than 10 sources count" in reasons[5]
    # All of its quotes are exact, and 60 sources leave room for .06 that are not.
    assert "citation_validity is not shown to be above 0.99: figure 0.9" in reasons[7]


def tagged(found: Sequence[CaseRecord], *tags: str, every: int = 1) -> tuple[CaseRecord, ...]:
    """The records in English, with ``tags`` on every so many of them and none on the others."""
    return tuple(
        replace(record, case=replace(record.case, language="en", tags=() if number % every else tags))
        for number, record in enumerate(found)
    )


def test_the_only_slice_of_a_kind_is_judged_by_its_own_cases() -> None:
    wrong_there = [answered(record.case, right=number % 3 != 0) for number, record in enumerate(records(1.0))]
    pairs = Pairs(
        BASELINE,
        CANDIDATE,
        tagged(records(0.5), "contracts", every=3),
        tagged(wrong_there, "contracts", every=3),
    )
    better, lost = judge(config('[[not_inferior]]\nmeasure = "f1"\neach = "tag"\nmargin = 0.03'), pairs)
    assert better.passed
    assert (lost.slice, lost.passed) == ("tag:contracts", False)
    assert "f1 of tag:contracts is not shown to be at most 0.03 worse: gain -0." in lost.reason


def test_a_slice_that_is_all_cases_has_their_figures() -> None:
    pairs = Pairs(BASELINE, CANDIDATE, tagged(PAIRS.first, "a", "b"), tagged(PAIRS.second, "a", "b"))
    rules = ('slice = "language:en"', 'each = "language"', 'each = "tag"')
    text = "".join(f'[[not_inferior]]\nmeasure = "f1"\nmargin = 0.03\n{part}\n' for part in rules)
    whole, *parts = judge(config(text), pairs)
    assert [one.slice for one in parts] == ["language:en", "language:en", "tag:a", "tag:b"]
    assert all(one.passed and one.interval == whole.interval for one in parts)


def test_a_kind_of_slice_that_no_case_is_in_is_all_cases() -> None:
    pairs = Pairs(BASELINE, CANDIDATE, tagged(PAIRS.first), tagged(PAIRS.second))
    _, kept = judge(config('[[not_inferior]]\nmeasure = "f1"\neach = "tag"\nmargin = 0.03'), pairs)
    assert (kept.slice, kept.passed) == (None, True)


def test_nothing_is_held_against_a_baseline_of_zero() -> None:
    def without_tokens(found: Sequence[CaseRecord]) -> tuple[CaseRecord, ...]:
        answers = (record.answer and replace(record.answer, completion_tokens=0) for record in found)
        return tuple(replace(record, answer=answer) for record, answer in zip(found, answers, strict=True))

    ratio = config('[[ratio]]\nmeasure = "completion_tokens"\nmost = 1.5')
    _, found = judge(ratio, replace(PAIRS, first=without_tokens(PAIRS.first)))
    assert found.reason == (
        "completion_tokens can't be judged: the baseline's figure is 0, or could be by chance, "
        "and nothing is a multiple of it"
    )
    assert not found.passed


def test_the_reason_names_what_is_missing() -> None:
    answerable = [number for number, record in enumerate(PAIRS.first) if record.case.answerable]
    none_refused = Pairs(
        identity(len(answerable)),
        replace(CANDIDATE, case_count=len(answerable)),
        *(tuple(side[number] for number in answerable) for side in (PAIRS.first, PAIRS.second)),
    )
    absolute = config('[[absolute]]\nmeasure = "answerable_auroc"\nvalue = 0.8')
    _, found = judge(absolute, none_refused)
    assert "judged: on these cases it is not defined for the baseline and the candidate" in found.reason
    nowhere = config('[[absolute]]\nmeasure = "refusal_recall"\nvalue = 0.8\n')
    _, found = judge(nowhere, none_refused)
    assert "judged: cases about 0 sources count, and 30 must" in found.reason
    unknown = config('slice = "language:fr"').model_copy(update={"fewest_sources": 5})
    (found,) = judge(unknown, PAIRS)
    assert "judged: cases about fewer than 10 sources count, and 10 must" in found.reason


def test_what_is_only_perhaps_better_is_not_let_in() -> None:
    pairs = Pairs(BASELINE, CANDIDATE, PAIRS.first, tuple(records(0.52)))
    (found,) = judge(config(""), pairs)
    assert not found.passed
    assert "cases would establish the difference seen" in found.reason


def test_general_cases_are_a_pair_of_runs_of_their_own() -> None:
    asked = config('[[not_inferior]]\nmeasure = "em"\non = "general"\nmargin = 0.05\n')
    with pytest.raises(UsageError, match="add --general-candidate and --general-baseline"):
        judge(asked, PAIRS)
    forgetful = Pairs(BASELINE, CANDIDATE, tuple(records(0.9, seed=1)), tuple(records(0.6, seed=1)))
    better, kept = judge(asked, PAIRS, forgetful)
    assert better.passed
    assert (kept.on, kept.passed) == (CaseSet.GENERAL, False)


def test_runs_of_other_snapshots_or_without_all_answers_are_refused() -> None:
    for change, message in (
        ({"snapshot_id": "another"}, "differ in snapshot: another for the candidate"),
        ({"cases_sha256": "d"}, "differ in cases: d for the candidate"),
    ):
        other = replace(PAIRS, second_run=replace(CANDIDATE, **change))
        with pytest.raises(RunMismatchError, match=message):
            judge(config(""), other)
    broken_off = replace(PAIRS, first_run=identity(200))
    with pytest.raises(RunMismatchError, match="180 of 200 answers"):
        judge(config(""), broken_off)


def test_a_measure_that_cannot_be_judged_so_is_wrong_use() -> None:
    with pytest.raises(SettingsError, match="'bleu', which these runs don't have"):
        judge(config('[[superior]]\nmeasure = "bleu"'), PAIRS)
    for part in ('slice = "language:en"', 'each = "language"'):
        with pytest.raises(SettingsError, match="latency_p95_ms of a part of the cases"):
            judge(config(f'[[ratio]]\nmeasure = "latency_p95_ms"\nmost = 1.2\n{part}'), PAIRS)
    with pytest.raises(SettingsError, match=r"use \[\[ratio\]\]"):
        judge(config('[[superior]]\nmeasure = "answer_characters"'), PAIRS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[superior]]\nmeasure = 3", r"gate.toml: superior.0.measure: "),
        ("fewest_sources = 30", "superior: Field required"),
        ("superior = []", "superior: "),
        ('[[superior]]\nmeasure = "f1"\nleast = 1', "superior.0.least: Extra inputs"),
        ('[[superior]]\nmeasure = "f1"\nslice = "a"\neach = "tag"', "give one of them"),
        ("[[superior]\n", r"gate.toml is not valid TOML \(.*line 1"),
    ],
)
def test_a_wrong_configuration_is_an_error_that_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=message):
        read_gate_config(path)


def test_the_hash_of_a_configuration_is_that_of_what_it_asks(tmp_path: Path) -> None:
    assert read_gate_config(DEFAULT_CONFIG).sha256 == read_gate_config(DEFAULT_CONFIG).sha256
    assert config("").sha256 == config("# a comment\nleast_gain = 0.0").sha256
    assert config("").sha256 != config("least_gain = 0.1").sha256


def test_a_report_is_read_as_it_was_written_and_not_when_it_was_changed(
    tmp_path: Path, report: GateReport
) -> None:
    path = tmp_path / "gate.json"
    write_gate_report(path, report)
    assert read_gate_report(path) == report
    assert read_gate_report(path).sha256 == report.sha256
    path.write_text(path.read_text("utf-8").replace('"passed": false', '"passed": true'), "utf-8")
    with pytest.raises(GateReportError, match="it was changed"):
        read_gate_report(path)
    path.write_text("{}", "utf-8")
    with pytest.raises(GateReportError, match="no report of a gate"):
        read_gate_report(path)


def test_a_report_permits_what_it_measured_and_nothing_else(report: GateReport) -> None:
    passed = gate_report(config(""), [one for one in report.findings if one.passed], PAIRS, None)

    def permitted(report: GateReport, release: str = "sft@01234567", refusal_bias: float = 2.0) -> Permission:
        return report.permits(
            release=release, prompt_id="prompt", snapshot_id="snapshot", refusal_bias=refusal_bias
        )

    assert permitted(passed)
    denied = permitted(passed, release="dpo@89abcdef")
    assert not denied
    assert denied.reasons == ("the report is about the release sft@01234567, and this is dpo@89abcdef",)
    assert len(permitted(report).reasons) == 5
    biased = replace(passed, candidate=replace(passed.candidate, refusal_bias=2.0))
    assert permitted(biased)
    other = permitted(biased, refusal_bias=-8.0)
    assert other.reasons == ("the report is about a refusal bias of 2, and this is -8",)


def test_the_commands_decide_by_their_exit_status(tmp_path: Path) -> None:
    written(tmp_path / "a", PAIRS.first, BASELINE)
    written(tmp_path / "b", PAIRS.second, CANDIDATE)
    (tmp_path / "gate.toml").write_text('[[superior]]\nmeasure = "f1"\n', "utf-8")
    runs = ["gate", "--config", str(tmp_path / "gate.toml")]
    forth = CliRunner().invoke(
        eval_app, [*runs, "--candidate", str(tmp_path / "b"), "--baseline", str(tmp_path / "a")]
    )
    assert forth.exit_code == 0, forth.output
    assert "ok  f1 is better" in forth.output
    assert read_gate_report(tmp_path / "b/gate.json").sha256 in forth.output
    out = tmp_path / "back.json"
    swapped = ["--candidate", str(tmp_path / "a"), "--baseline", str(tmp_path / "b")]
    back = CliRunner().invoke(eval_app, [*runs, *swapped, "--out", str(out), "--json"])
    assert back.exit_code == 1
    assert json.loads(back.stdout) == json.loads(out.read_text("utf-8"))
    compared = CliRunner().invoke(eval_app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"])
    assert compared.exit_code == 0
    assert json.loads(compared.stdout)["sources"] == 60


def test_the_default_configuration_can_be_printed_and_used(tmp_path: Path) -> None:
    printed = CliRunner().invoke(eval_app, ["gate", "--print-config"])
    (tmp_path / "gate.toml").write_text(printed.stdout, "utf-8")
    assert read_gate_config(tmp_path / "gate.toml") == read_gate_config(DEFAULT_CONFIG)
    rules = judge(read_gate_config(DEFAULT_CONFIG), PAIRS)
    assert {one.measure for one in rules if one.passed} >= {"f1", "latency_p95_ms", "answer_characters"}
