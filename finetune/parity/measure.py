"""Whether every form of a trained adapter is the same model: transformers, merged, llama.cpp, vLLM.

All forms are asked for the log-probabilities of the same answers to the same prompts, as token ids. The
reference is what was trained: transformers with PEFT, in float32. Forms that compute in float32 must agree
with it to within rounding; those that round weights or activations have a limit of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from finetune.adapters.base_checkpoint import checkpoint_of
from finetune.adapters.forms import GgufForm, WeightType
from finetune.adapters.gguf_adapter import write_gguf_adapter
from finetune.adapters.gguf_model import write_gguf_model
from finetune.adapters.llama_layout import is_llama
from finetune.adapters.lora import Lora, read_config
from finetune.adapters.merge import write_merged_model
from finetune.adapters.probes import Probe, read_probes
from finetune.adapters.trained_run import adapter_of
from finetune.parity.llama_cpp_scores import LlamaCpp, llama_cpp_scores
from finetune.parity.report import (
    EXACT_LIMIT,
    REFERENCE,
    ROUNDED_LIMIT,
    FormParity,
    ParityReport,
    write_parity,
)
from finetune.parity.scores import Scores, difference
from finetune.parity.transformers_scores import transformers_scores
from finetune.parity.vllm_scores import Vllm, vllm_scores
from finetune.training.base_model import BaseModel
from finetune.training.checkpoint import load_tokenizer
from finetune.training.run import Run
from ingest.snapshots.durable import file_sha256
from service.releases.release import GGUF


@dataclass(frozen=True, slots=True)
class ParityRequest:
    """How many prompts are compared, and with what.

    ``data`` is where the run's data lies now, None where it lay; ``vllm_python`` the Python of vLLM's
    environment, None to leave vLLM out; ``threads`` those of llama.cpp.
    """

    prompts: int
    data: Path | None
    vllm_python: Path | None
    threads: int


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to run the model; ``exact`` ones compute in float32 all through."""

    name: str
    exact: bool
    score: Callable[[], list[Scores]]


def measure_parity(home: Path, run: Run, request: ParityRequest, say: Callable[[str], None]) -> ParityReport:
    """Compare the forms, and keep the report in the run's folder; ``say`` is told what is measured.

    Raises:
        AdapterRejectedError: the run has no adapter, or its base was changed.
        ModelNotFoundError, TrainingDataError: its base or its data is gone.
        SettingsError, GeneratorError: vLLM is not there, or failed.
    """
    lora, checkpoint = adapter_of(run), checkpoint_of(run, home)
    probes = read_probes(run, load_tokenizer(checkpoint), request.prompts, request.data)
    say(REFERENCE)
    expected = transformers_scores(checkpoint, lora.folder, probes)
    measured: list[FormParity] = []
    with TemporaryDirectory(dir=home, prefix=".parity-") as scratch:
        forms = _Forms(home, run.base, lora, checkpoint, probes, Path(scratch), request.threads)
        for form in forms.all(request.vllm_python):
            say(form.name)
            limit = EXACT_LIMIT if form.exact else ROUNDED_LIMIT
            measured.append(FormParity(form.name, form.exact, limit, difference(expected, form.score())))
    report = ParityReport(
        adapter_sha256=file_sha256(lora.weights),
        prompts=len(probes),
        forms=tuple(measured),
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    write_parity(run.folder, report)
    return report


@dataclass(frozen=True, slots=True)
class _Forms:
    """The forms of one adapter, written under ``scratch`` as they are measured."""

    home: Path
    base: BaseModel
    lora: Lora
    checkpoint: Path
    probes: Sequence[Probe]
    scratch: Path
    threads: int

    def all(self, vllm_python: Path | None) -> Iterator[_Form]:
        """Every form that the base can have."""
        for weight_type in WeightType:
            exact = weight_type is WeightType.FLOAT32
            score = partial(self._transformers, weight_type)
            yield _Form(f"merged, {weight_type.value}, in transformers", exact, score)
        if is_llama(read_config(self.checkpoint / "config.json")):
            for gguf_form in (GgufForm.FLOAT32, GgufForm.Q8_0):
                exact = gguf_form is GgufForm.FLOAT32
                score = partial(self._llama_cpp, gguf_form)
                yield _Form(f"GGUF adapter, {gguf_form.value} base, in llama.cpp", exact, score)
        if vllm_python is not None:
            vllm = Vllm(vllm_python, self.home)
            yield _Form("adapter, float32 base, in vLLM", True, partial(self._vllm_lora, vllm))
            yield _Form("merged, float32, in vLLM", True, partial(self._vllm_merged, vllm))

    def _transformers(self, weight_type: WeightType) -> list[Scores]:
        return transformers_scores(self._merged(weight_type), None, self.probes)

    def _llama_cpp(self, form: GgufForm) -> list[Scores]:
        model, adapter = self.scratch / f"base.{form.value}.gguf", self.scratch / GGUF
        write_gguf_model(self.checkpoint, model, form, self.base.source if self.base.is_gguf else None)
        write_gguf_adapter(self.lora.folder, self.checkpoint, adapter)
        exact = form is GgufForm.FLOAT32
        return llama_cpp_scores(LlamaCpp(model, adapter, self.threads, exact), self.probes)

    def _vllm_lora(self, vllm: Vllm) -> list[Scores]:
        return vllm_scores(vllm, self.checkpoint, self.lora, self.probes)

    def _vllm_merged(self, vllm: Vllm) -> list[Scores]:
        return vllm_scores(vllm, self._merged(WeightType.FLOAT32), None, self.probes)

    def _merged(self, weight_type: WeightType) -> Path:
        folder = self.scratch / f"merged-{weight_type.value}"
        if not folder.is_dir():
            folder.mkdir()
            write_merged_model(self.lora, self.checkpoint, folder, weight_type)
        return folder
