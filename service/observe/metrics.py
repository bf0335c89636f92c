"""What the service did, as Prometheus reads it at ``/metrics``.

Nothing is labelled by who asked or by a document: there may be any number of either. The names that begin
with ``gen_ai_`` are those of OpenTelemetry's conventions for generative AI in Prometheus' spelling.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.answer import Answer, Reranking, SearchResult
from service.observe.request import CURRENT_REQUEST, NO_ROUTE

_SECONDS = (
    *(0.0005, 0.001, 0.002, 0.004, 0.006, 0.01, 0.02, 0.04, 0.06, 0.1),
    *(0.2, 0.4, 0.6, 1.0, 2.0, 4.0, 6.0, 10.0, 20.0, 60.0),
)
# Those that the conventions advise.
_MODEL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(11))
_MODEL_LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class ServiceMetrics:
    """The counters of one server, in the registry that is given."""

    def __init__(self, registry: CollectorRegistry, provider: str) -> None:
        """``provider`` is the kind of the generator."""
        self._provider = provider
        self.request_seconds = Histogram(
            "rag_request_seconds",
            "Time of a request (stage total), and of the stages of answers and searches within it.",
            ["route", "stage", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_depth = Gauge(
            "rag_queue_depth", "Requests that wait for others before they are begun.", registry=registry
        )
        self.requests_open = Gauge("rag_requests_open", "Requests that are being served.", registry=registry)
        self.rejected = Counter(
            "rag_rejected_total",
            "Requests that were refused to protect others.",
            ["reason"],
            registry=registry,
        )
        self.degraded = Counter(
            "rag_degraded_total",
            "Answers made in a simpler way than configured, and searches that were not reranked.",
            ["reason"],
            registry=registry,
        )
        self.abstain = Counter(
            "rag_abstain_total", "Answers that say that the sources hold none.", registry=registry
        )
        self.suspicious = Counter(
            "rag_suspicious_total",
            "Passages with instructions to a model in them, among those that answers were looked for in.",
            registry=registry,
        )
        self.cache = Counter(
            "rag_cache_total", "Answers by whether they were given again.", ["result"], registry=registry
        )
        self.model_seconds = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time in which the generator wrote an answer.",
            _MODEL_LABELS,
            buckets=_MODEL_SECONDS,
            registry=registry,
        )
        self.first_chunk_seconds = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time from the prompt to the first words that were shown.",
            _MODEL_LABELS,
            buckets=_MODEL_SECONDS,
            registry=registry,
        )
        self.tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens that the generator read and wrote for an answer.",
            (*_MODEL_LABELS, "gen_ai_token_type"),
            buckets=_TOKENS,
            registry=registry,
        )

    def answered(self, answer: Answer, model: str) -> None:
        """Count an answer, and take its stages' times; its tokens are those of ``model``."""
        self.cache.labels(answer.cache.value if answer.cache else "miss").inc()
        if answer.abstained:
            self.abstain.inc()
        self.suspicious.inc(len(answer.suspicious))
        if answer.degraded is not None:
            self.degraded.labels(answer.degraded.value).inc()
        self._count_failed_reranking(answer.reranking)
        outcome = _outcome(answer)
        for stage, seconds in stage_seconds(answer).items():
            self._observe(stage, outcome, seconds)
        if answer.usage.completion_tokens:
            self._count_generation(answer, model)

    def searched(self, result: SearchResult) -> None:
        """Count a search and take its time."""
        self._count_failed_reranking(result.reranking)
        self._observe("retrieval", "ok", result.timings_ms["retrieval"] / 1e3)

    def _observe(self, stage: str, outcome: str, seconds: float) -> None:
        request = CURRENT_REQUEST.get()
        route = NO_ROUTE if request is None else request.route
        self.request_seconds.labels(route, stage, outcome).observe(seconds)

    def _count_failed_reranking(self, reranking: Reranking | None) -> None:
        if reranking is Reranking.FAILED:
            self.degraded.labels("reranker_unavailable").inc()

    def _count_generation(self, answer: Answer, name: str) -> None:
        model = ("chat", self._provider, name)
        seconds = stage_seconds(answer)
        self.model_seconds.labels(*model).observe(seconds["generation"])
        if "first_token" in seconds:
            self.first_chunk_seconds.labels(*model).observe(seconds["first_token"] - seconds["retrieval"])
        if answer.usage.prompt_tokens:  # else the server told none before its stream was left
            self.tokens.labels(*model, "input").observe(answer.usage.prompt_tokens)
        self.tokens.labels(*model, "output").observe(answer.usage.completion_tokens)


def stage_seconds(answer: Answer) -> dict[str, float]:
    """How long each stage of an answer took, in seconds; ``first_token`` counts from the question.

    An answer tells when each stage ended, in milliseconds since the question came.
    """
    ends = {stage: milliseconds / 1e3 for stage, milliseconds in answer.timings_ms.items()}
    found = {stage: ends[stage] for stage in ("retrieval", "first_token") if stage in ends}
    if "generation" in ends:
        found["generation"] = ends["generation"] - ends.get("retrieval", 0.0)
        found["citation"] = ends["total"] - ends["generation"]
    return found


def _outcome(answer: Answer) -> str:
    if answer.cache is not None:
        return "cached"
    if answer.abstained:
        return "abstained"
    return "ok" if answer.degraded is None else "degraded"
