"""Train the embedder of a collection, or a reranker for it, in one screen.

labels -> rows -> train in a process of its own -> keep -> measure against what serves -> publish if better
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from eval.decision.comparison import Row
from finetune.data.questions import questions_file
from finetune.encoders.collection import OpenCollection, opened_collection
from finetune.encoders.gate import RetrievalGate, judge_rows, require_passed, write_gate
from finetune.encoders.job import AnyConfig, EncoderJob, Probe, new_run, require_begun, start_job
from finetune.encoders.labels import LabelFiles
from finetune.encoders.measure import best_hits, compared, reranking_measures, retrieval_measures
from finetune.encoders.model_folder import Provenance, keep_model, kept_model, library_versions
from finetune.encoders.plan import EncoderPlan, Prepared, plan_run, prepare
from finetune.encoders.reembed import Reembedding
from finetune.encoders.rows import rows_sha256
from finetune.encoders.same_split import require_same_split
from finetune.settings.encoders import EmbedderConfig, RerankerConfig
from finetune.training.job import RunMetrics
from ingest.errors import UsageError
from ingest.progress import Progress, Silent
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.durable import file_sha256
from ingest.snapshots.manifest import IndexManifest
from ingest.snapshots.unfinished import UnfinishedWork
from service.releases.release import model_fingerprint
from service.retrieval.rerank import RerankPolicy, load_reranker

_NO_RERANKER = "no reranker"


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """A model in ``folder``, how its training went (None where it was trained before), what it is worth.

    ``manifest`` is that of the collection it was measured on; the gate's report is kept in ``gate_path``.
    """

    folder: Path
    metrics: RunMetrics | None
    manifest: IndexManifest
    gate: RetrievalGate
    gate_path: Path


def plan_encoder(settings: Settings, config: AnyConfig, collection: str, files: LabelFiles) -> EncoderPlan:
    """What the training would do; the errors are those of ``prepare``."""
    with opened_collection(settings, collection) as current:
        return plan_run(config, prepare(config, current, files))


def train_embedder(
    settings: Settings,
    config: EmbedderConfig,
    collection: str,
    files: LabelFiles,
    *,
    resume: Path | None = None,
    model: str | None = None,
    progress: Progress | None = None,
) -> EncoderReport:
    """Train the embedder of ``collection``, and measure the collection under it and as it is.

    Args:
        resume: go on with the run in this folder, which has to be of the same labels and settings.
        model: do not train, but measure this one, which was trained and kept.
        progress: is told of what is embedded to measure.

    Raises:
        UsageError: ``resume`` holds no run of an embedder, or ``model`` is given as well.
        CollectionNotFoundError: nothing was published under this name.
        TrainingDataError, ModelNotFoundError, SettingsError, MissingExtraError: as ``prepare``; ``model`` is
            not kept, or learned questions that are held out now.
        TroikaError: what the training process raised.
    """
    if resume is not None and model is not None:
        raise UsageError(f"{resume} is to be resumed and {model} to be measured: ask for one of the two.")
    if resume is not None:
        require_begun(resume, config.method)
    with _opened_run(settings, config, collection, files) as run:
        kept = run.train(resume) if model is None else (run.kept(model), None)
        queries = run.prepared.labels.held_out
        before = retrieval_measures(run.current.retriever, queries)
        with (
            _reembedding(settings, run.manifest, kept[0]) as reembedding,
            reembedding.beside(run.current, progress or Silent()) as reembedded,
        ):
            after = retrieval_measures(reembedded.retriever, queries)
        rows = compared(before, after, queries)
        return run.report(kept, run.current.spec.model, rows, "hybrid ndcg@10")


def publish_embedder(settings: Settings, report: EncoderReport, progress: Progress | None = None) -> str:
    """Publish the collection under an embedder that was measured to be better; returns the snapshot.

    Raises:
        PromotionRefusedError: it was not.
        CollectionBusyError: the collection was changed since, or another process writes to it.
    """
    require_passed(report.gate)
    with _reembedding(settings, report.manifest, report.folder) as reembedding:
        return reembedding.in_place(progress or Silent())


def train_reranker(
    settings: Settings,
    config: RerankerConfig,
    collection: str,
    files: LabelFiles,
    *,
    resume: Path | None = None,
) -> EncoderReport:
    """Train a reranker on ``collection``, and measure the order of its best hits with it and as it is.

    Both are measured as they would serve: by ``rerank.depth`` and ``rerank.margin``, and what the collection
    has now is the order by ``rerank.model``, or that of the search where none is set.

    Raises:
        UsageError: ``resume`` holds no run of a reranker.
        RerankerError: a reranker failed on a question; ``rerank.model`` is asked before anything is trained.
        TroikaError: as ``train_embedder``.
    """
    if resume is not None:
        require_begun(resume, config.method)
    # Torch takes seconds to load, and training an embedder does without it in this process.
    from service.retrieval.rerankers.cross_encoder import TorchCrossEncoder

    with _opened_run(settings, config, collection, files) as run:
        queries = run.prepared.labels.held_out
        policy = RerankPolicy(settings.rerank.depth, settings.rerank.margin)
        hits = best_hits(run.current.retriever, queries, policy)
        # Before the training, so that a served reranker that cannot be asked costs none, and holds no memory.
        served = load_reranker(settings.rerank, settings.embedder.threads)
        before = reranking_measures(hits, queries, served, policy)
        del served
        kept = run.train(resume)
        after = reranking_measures(hits, queries, TorchCrossEncoder(str(kept[0])), policy)
        baseline = settings.rerank.model or _NO_RERANKER
        return run.report(kept, baseline, compared(before, after, queries), "ndcg@10")


@dataclass(frozen=True, slots=True)
class _Run:
    """What is trained, from what, and for whom."""

    settings: Settings
    config: AnyConfig
    files: LabelFiles
    current: OpenCollection
    prepared: Prepared

    @property
    def manifest(self) -> IndexManifest:
        return self.current.snapshot.manifest

    def train(self, resume: Path | None) -> tuple[Path, RunMetrics]:
        """The folder of the trained model, and how its training went."""
        output = new_run(self.settings.home, self.config.method) if resume is None else resume.resolve()
        metrics = start_job(self._job(output), self.prepared.rows).metrics
        return keep_model(self.settings.home, self.config.method, output, self._provenance(metrics)), metrics

    def kept(self, model: str) -> Path:
        """The folder of a model that was trained before, and on none of what is held out now."""
        folder = kept_model(self.settings.home, model)
        require_same_split(folder, self.config, self.files.questions)
        return folder

    def report(
        self, kept: tuple[Path, RunMetrics | None], baseline: str, rows: Sequence[Row], measure: str
    ) -> EncoderReport:
        """Judge the model by its figures, and keep the judgement beside it."""
        folder, metrics = kept
        gate = RetrievalGate(
            model=folder.name,
            baseline=baseline,
            collection=self.manifest.collection,
            snapshot=self.manifest.id,
            questions_sha256=self._questions_sha256,
            held_out=len(self.prepared.labels.held_out),
            rows=tuple(rows),
            findings=judge_rows(rows, measure, self.config.gate),
        )
        path = folder.with_name(f"{folder.name}.{gate.collection}.json")
        write_gate(path, gate)
        return EncoderReport(folder, metrics, self.manifest, gate, path)

    @property
    def _questions_sha256(self) -> str:
        return file_sha256(questions_file(self.files.questions))

    def _job(self, output: Path) -> EncoderJob:
        base = self.prepared.base.resolve()
        if isinstance(self.config, RerankerConfig):
            return EncoderJob(self.config, base, self.config.model.max_length, output)
        current, text = self.current, self.prepared.rows[0].answer
        [vector] = current.embedder.embed_passages([text.removeprefix(current.spec.passage_prefix)])
        return EncoderJob(self.config, base, current.spec.window, output, Probe(text, tuple(vector.tolist())))

    def _provenance(self, metrics: RunMetrics) -> Provenance:
        mined = self.files.mined
        return Provenance(
            base_model=model_fingerprint(self.prepared.base),
            collection=self.manifest.collection,
            snapshot=self.manifest.id,
            questions_sha256=self._questions_sha256,
            mined_sha256=None if mined is None else file_sha256(mined),
            rows_sha256=rows_sha256(self.prepared.rows),
            rows=len(self.prepared.rows),
            config=self.config.model_dump(mode="json"),
            metrics=metrics,
            libraries=library_versions(),
        )


@contextmanager
def _opened_run(settings: Settings, config: AnyConfig, collection: str, files: LabelFiles) -> Generator[_Run]:
    with opened_collection(settings, collection) as current:
        yield _Run(settings, config, files, current, prepare(config, current, files))


@contextmanager
def _reembedding(settings: Settings, manifest: IndexManifest, folder: Path) -> Generator[Reembedding]:
    spec = replace(manifest.embedder, model=str(folder))
    work = Collection(settings.home, manifest.collection).make_work()
    with closing(UnfinishedWork(work / f"{folder.name}.sqlite")) as vectors:
        yield Reembedding(settings, manifest, spec, vectors)
