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
    """More is asked than is served, or than one asker is allowed: ask again later."""

    code = "overloaded"


class AdapterRejectedError(TroikaError):
    """An adapter does not match its recorded hash, base model or prompt."""

    code = "adapter_rejected"


class PromotionRefusedError(TroikaError):
    """No gate's report shows that a release may be served."""

    code = "promotion_refused"


class ReleaseHistoryError(TroikaError):
    """A record of the history of releases is missing, cannot be read or was changed."""

    code = "release_history_broken"


class GeneratorError(TroikaError):
    """The generator failed, or the server behind it cannot be reached."""

    code = "generator_failed"


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
