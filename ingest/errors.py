"""Every error that Troika raises on purpose.

Each class carries a stable ``code`` that callers may rely on; the message says in one sentence what
was found, what was expected and what to do::

    TroikaError
    ├── UsageError                 the request itself is wrong (CLI exit 2, HTTP 400)
    │   ├── SettingsError          settings_invalid
    │   ├── EmptyQuestionError     question_empty
    │   ├── QuestionTooLongError   question_too_long
    │   ├── NoTermsError           question_without_terms
    │   ├── CollectionNotFoundError collection_not_found
    │   ├── SnapshotNotFoundError  snapshot_not_found
    │   ├── CollectionNameError    collection_name_invalid
    │   ├── PathNotFoundError      path_not_found
    │   ├── GlobError              glob_invalid
    │   ├── MetadataOptionError    metadata_option_invalid
    │   ├── QueryError             query_invalid
    │   ├── FilterError            filter_invalid
    │   ├── DocumentNotFoundError  document_not_found
    │   ├── DocumentNotUploadedError document_not_uploaded
    │   ├── DocumentNotDrawableError document_not_drawable
    │   ├── PageNotFoundError      page_not_found
    │   ├── PageNotDrawnError      page_not_drawn
    │   ├── SourceUnavailableError source_unavailable
    │   ├── UploadError            upload_invalid
    │   ├── IdempotencyKeyError    idempotency_key_invalid
    │   ├── JobNotFoundError       job_not_found
    │   ├── AnswerNotFoundError    answer_not_found
    │   ├── FeedbackError          feedback_invalid
    │   ├── AdapterNotFoundError   adapter_not_found
    │   ├── UnsupportedParameterError parameter_unsupported
    │   ├── UnknownModelError      model_unknown
    │   ├── InputTooLongError      input_too_long
    │   ├── KeyNameError           key_name_invalid
    │   ├── KeyNotFoundError       key_not_found
    │   ├── CasesError             cases_invalid
    │   ├── RunMismatchError       run_mismatch
    │   ├── GateReportError        gate_report_invalid
    │   └── TrainingDataError      training_data_invalid
    ├── ParseError                 one file cannot be read; the others go on
    │   ├── EmptyFileError         file_empty
    │   ├── NoTextError            file_without_text
    │   ├── UnknownFormatError     format_unknown
    │   ├── WrongExtensionError    extension_mismatch
    │   ├── EncryptedFileError     file_encrypted
    │   ├── BrokenFileError        file_broken
    │   ├── UndecodableFileError   encoding_unknown
    │   ├── FileTooLargeError      file_too_large
    │   ├── UnsafeFileError        file_unsafe
    │   ├── NestedArchiveError     archive_nested
    │   ├── ParseTimeoutError      parse_timeout
    │   ├── ParseMemoryError       parse_memory
    │   ├── ParserCrashedError     parser_crashed
    │   ├── MetadataError          metadata_invalid
    │   ├── AddressRefusedError    address_refused
    │   ├── RobotsRefusedError     robots_refused
    │   ├── FetchError             fetch_failed
    │   ├── SourceGoneError        source_gone
    │   └── UnreadableFileError    file_unreadable
    ├── UnauthenticatedError       no credentials, or none that are known: unauthenticated
    ├── ForbiddenError             whoever asks may not do this: forbidden
    ├── OverloadedError            more is asked than is served: overloaded
    │   ├── RateError              rate_exceeded
    │   └── QuotaError             quota_exceeded
    ├── IssuerError                the OpenID provider cannot be asked: issuer_failed
    ├── MissingExtraError          an optional library is not installed: extra_missing
    ├── StorageError               the disk is full, read-only or failing: storage_failed
    ├── DatabaseError              a database cannot be reached or read: database_failed
    ├── ClusterError               a Ray cluster cannot be reached or failed: cluster_failed
    ├── CollectionBusyError        another ingest holds the collection: collection_busy
    ├── SnapshotCorruptError       a snapshot does not match its manifest: snapshot_corrupt
    ├── IncompatibleSnapshotError  made by another format or embedder: snapshot_incompatible
    ├── ModelNotFoundError         the model's files are not there: model_not_found
    ├── AdapterRejectedError       an adapter does not fit its base or its hash: adapter_rejected
    ├── PromotionRefusedError      nothing shows that an adapter has earned its place: promotion_refused
    ├── ReleaseHistoryError        the history of releases is damaged: release_history_broken
    ├── PipelineClosedError        what was to answer was closed while it was opened: pipeline_closed
    ├── GeneratorError             the generator failed or cannot be reached: generator_failed
    │   └── GeneratorRefusedError  generator_refused
    ├── RerankerError              the reranker failed or cannot be reached: reranker_failed
    ├── EntailmentError            the model that judges entailment failed: entailment_failed
    ├── ServerError                a server of Troika cannot be reached or asked: server_failed
    └── SinkError                  a tracking service did not take a run: sink_failed
"""

from __future__ import annotations

from ingest.error_root import TroikaError
from ingest.service_errors import (
    AdapterRejectedError,
    EntailmentError,
    ForbiddenError,
    GeneratorError,
    GeneratorRefusedError,
    IssuerError,
    OverloadedError,
    PipelineClosedError,
    PromotionRefusedError,
    QuotaError,
    RateError,
    ReleaseHistoryError,
    RerankerError,
    ServerError,
    SinkError,
    UnauthenticatedError,
)
from ingest.source_errors import (
    AddressRefusedError,
    BrokenFileError,
    EmptyFileError,
    EncryptedFileError,
    FetchError,
    FileTooLargeError,
    MetadataError,
    NestedArchiveError,
    NoTextError,
    ParseError,
    ParseMemoryError,
    ParserCrashedError,
    ParseTimeoutError,
    RobotsRefusedError,
    SourceGoneError,
    UndecodableFileError,
    UnknownFormatError,
    UnreadableFileError,
    UnsafeFileError,
    WrongExtensionError,
)
from ingest.usage_errors import (
    AdapterNotFoundError,
    AnswerNotFoundError,
    CasesError,
    CollectionNameError,
    CollectionNotFoundError,
    DocumentNotDrawableError,
    DocumentNotFoundError,
    DocumentNotUploadedError,
    EmptyQuestionError,
    FeedbackError,
    FilterError,
    GateReportError,
    GlobError,
    IdempotencyKeyError,
    InputTooLongError,
    JobNotFoundError,
    KeyNameError,
    KeyNotFoundError,
    MetadataOptionError,
    NoTermsError,
    PageNotDrawnError,
    PageNotFoundError,
    PathNotFoundError,
    QueryError,
    QuestionTooLongError,
    RunMismatchError,
    SettingsError,
    SnapshotNotFoundError,
    SourceUnavailableError,
    TrainingDataError,
    UnknownModelError,
    UnsupportedParameterError,
    UploadError,
    UsageError,
)

__all__ = [
    "AdapterNotFoundError",
    "AdapterRejectedError",
    "AddressRefusedError",
    "AnswerNotFoundError",
    "BrokenFileError",
    "CasesError",
    "CollectionBusyError",
    "CollectionNameError",
    "CollectionNotFoundError",
    "DatabaseError",
    "DocumentNotDrawableError",
    "DocumentNotFoundError",
    "DocumentNotUploadedError",
    "EmptyFileError",
    "EmptyQuestionError",
    "EncryptedFileError",
    "EntailmentError",
    "FeedbackError",
    "FetchError",
    "FileTooLargeError",
    "FilterError",
    "ForbiddenError",
    "GateReportError",
    "GeneratorError",
    "GeneratorRefusedError",
    "GlobError",
    "IdempotencyKeyError",
    "IncompatibleSnapshotError",
    "InputTooLongError",
    "IssuerError",
    "JobNotFoundError",
    "KeyNameError",
    "KeyNotFoundError",
    "MetadataError",
    "MetadataOptionError",
    "MissingExtraError",
    "ModelNotFoundError",
    "NestedArchiveError",
    "NoTermsError",
    "NoTextError",
    "OverloadedError",
    "PageNotDrawnError",
    "PageNotFoundError",
    "ParseError",
    "ParseMemoryError",
    "ParseTimeoutError",
    "ParserCrashedError",
    "PathNotFoundError",
    "PipelineClosedError",
    "PromotionRefusedError",
    "QueryError",
    "QuestionTooLongError",
    "QuotaError",
    "RateError",
    "ReleaseHistoryError",
    "RerankerError",
    "RobotsRefusedError",
    "RunMismatchError",
    "ServerError",
    "SettingsError",
    "SinkError",
    "SnapshotCorruptError",
    "SnapshotNotFoundError",
    "SourceGoneError",
    "SourceUnavailableError",
    "StorageError",
    "TrainingDataError",
    "TroikaError",
    "UnauthenticatedError",
    "UndecodableFileError",
    "UnknownFormatError",
    "UnknownModelError",
    "UnreadableFileError",
    "UnsafeFileError",
    "UnsupportedParameterError",
    "UploadError",
    "UsageError",
    "WrongExtensionError",
]


class MissingExtraError(TroikaError):
    """A feature needs a library that is not installed."""

    code = "extra_missing"


class StorageError(TroikaError):
    """State cannot be written: the disk is full, read-only or failing."""

    code = "storage_failed"


class DatabaseError(TroikaError):
    """A database cannot be reached, or failed while it was read."""

    code = "database_failed"


class ClusterError(TroikaError):
    """The Ray cluster that was to do the work cannot be reached, or could not go on."""

    code = "cluster_failed"


class CollectionBusyError(TroikaError):
    """Another process is writing to the collection."""

    code = "collection_busy"


class SnapshotCorruptError(TroikaError):
    """A snapshot's files do not agree with its manifest or with each other."""

    code = "snapshot_corrupt"


class IncompatibleSnapshotError(TroikaError):
    """A snapshot was written by another format version, or for another embedder."""

    code = "snapshot_incompatible"


class ModelNotFoundError(TroikaError):
    """A model's files are not where the settings say."""

    code = "model_not_found"
