"""The errors of what answers: access, adapters, models and servers. They are drawn in ``ingest.errors``."""

from __future__ import annotations

from ingest.error_root import TroikaError


class UnauthenticatedError(TroikaError):
    """A request carries no credentials, or none that are known or still valid."""

    code = "unauthenticated"


class ForbiddenError(TroikaError):
    """Whoever asks may not do this."""

    code = "forbidden"


class OverloadedError(TroikaError):
    """More is asked than is served, or than one asker is allowed: ask again after ``retry_seconds``."""

    code = "overloaded"

    def __init__(self, message: str, retry_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class RateError(OverloadedError):
    """An asker sends requests faster than they are allowed to."""

    code = "rate_exceeded"


class QuotaError(OverloadedError):
    """An asker has sent all the requests that they may for now."""

    code = "quota_exceeded"


class IssuerError(TroikaError):
    """The OpenID provider cannot be reached, or does not tell its keys."""

    code = "issuer_failed"


class AdapterRejectedError(TroikaError):
    """An adapter does not match its recorded hash, base model or prompt."""

    code = "adapter_rejected"


class PromotionRefusedError(TroikaError):
    """No gate's report shows that a release may be served."""

    code = "promotion_refused"


class ReleaseHistoryError(TroikaError):
    """A record of the history of releases is missing, cannot be read or was changed."""

    code = "release_history_broken"


class PipelineClosedError(TroikaError):
    """What was to answer was closed while it was opened: something else answers from now on."""

    code = "pipeline_closed"


class GeneratorError(TroikaError):
    """The generator failed, or the server behind it cannot be reached."""

    code = "generator_failed"


class GeneratorRefusedError(GeneratorError):
    """The server of the generator is well, and will not answer the request as it is put."""

    code = "generator_refused"


class RerankerError(TroikaError):
    """The reranker failed, or the server behind it cannot be reached."""

    code = "reranker_failed"


class EntailmentError(TroikaError):
    """The model that judges whether one text follows from another failed."""

    code = "entailment_failed"


class ServerError(TroikaError):
    """A server of Troika cannot be reached, or what answers there cannot be asked."""

    code = "server_failed"


class SinkError(TroikaError):
    """A tracking service cannot be reached, or refuses the run that it is given."""

    code = "sink_failed"
