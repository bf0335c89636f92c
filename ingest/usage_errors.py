"""What may be wrong with a request; ``ingest.errors`` draws the whole tree, and is where to import from."""

from __future__ import annotations

from ingest.error_root import TroikaError


class UsageError(TroikaError):
    """The caller asked for something that cannot be done as asked."""

    code = "usage_error"


class SettingsError(UsageError):
    """A setting is unknown, of the wrong type or in conflict with another."""

    code = "settings_invalid"


class EmptyQuestionError(UsageError):
    """The question holds no characters but white space."""

    code = "question_empty"


class QuestionTooLongError(UsageError):
    """The question is longer than ``server.max_question_characters``."""

    code = "question_too_long"


class NoTermsError(UsageError):
    """The question holds no letter, digit or ideograph that could be searched for."""

    code = "question_without_terms"


class CollectionNotFoundError(UsageError):
    """No collection of that name has a published snapshot."""

    code = "collection_not_found"


class SnapshotNotFoundError(UsageError):
    """The collection keeps no such snapshot."""

    code = "snapshot_not_found"


class CollectionNameError(UsageError):
    """A collection's name is not a safe folder name."""

    code = "collection_name_invalid"


class PathNotFoundError(UsageError):
    """A path given to ingest does not exist."""

    code = "path_not_found"


class GlobError(UsageError):
    """A pattern of ``--include`` or ``--exclude`` cannot be read."""

    code = "glob_invalid"


class MetadataOptionError(UsageError):
    """A ``--meta`` option does not have the form KEY=VALUE, or its value is not allowed."""

    code = "metadata_option_invalid"


class QueryError(UsageError):
    """A database query is no single SELECT, or does not give the columns that are needed."""

    code = "query_invalid"


class FilterError(UsageError):
    """A filter cannot be read, or names a key that no document has."""

    code = "filter_invalid"


class DocumentNotFoundError(UsageError):
    """The collection's current snapshot holds no document with that id."""

    code = "document_not_found"


class DocumentNotUploadedError(UsageError):
    """A document did not come by the HTTP interface, so that it cannot be removed by it."""

    code = "document_not_uploaded"


class DocumentNotDrawableError(UsageError):
    """A document has no pages that can be drawn: it is no PDF."""

    code = "document_not_drawable"


class PageNotFoundError(UsageError):
    """A document has no page with that number."""

    code = "page_not_found"


class PageNotDrawnError(UsageError):
    """A page cannot be drawn, or not within the limits of time, memory and dots."""

    code = "page_not_drawn"


class SourceUnavailableError(UsageError):
    """What a document was read from is not kept, is gone, or has changed since."""

    code = "source_unavailable"


class UploadError(UsageError):
    """What was uploaded has no usable name or form."""

    code = "upload_invalid"


class IdempotencyKeyError(UsageError):
    """An ``Idempotency-Key`` belongs to another request, or is none."""

    code = "idempotency_key_invalid"


class JobNotFoundError(UsageError):
    """No job with that id is kept."""

    code = "job_not_found"


class AnswerNotFoundError(UsageError):
    """No answer with that id is kept."""

    code = "answer_not_found"


class FeedbackError(UsageError):
    """A judgement says of an answer what cannot be said of it."""

    code = "feedback_invalid"


class UnsupportedParameterError(UsageError):
    """A request sets ``parameter`` to something that is not done; passing it over would be a lie."""

    code = "parameter_unsupported"

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class UnknownModelError(UsageError):
    """A client asks for a model by a name that none has."""

    code = "model_unknown"


class InputTooLongError(UsageError):
    """A text does not fit the window of the model that is to read it."""

    code = "input_too_long"


class KeyNameError(UsageError):
    """A name is none for an API key, or a valid key has it."""

    code = "key_name_invalid"


class KeyNotFoundError(UsageError):
    """No valid API key has that name or id."""

    code = "key_not_found"


class AdapterNotFoundError(UsageError):
    """No adapter of that name is kept under the home directory."""

    code = "adapter_not_found"


class CasesError(UsageError):
    """A file of evaluation cases, or a data set, does not have the documented form."""

    code = "cases_invalid"


class RunMismatchError(UsageError):
    """A run of an evaluation is not of what it would have to be of: other cases, answers or settings."""

    code = "run_mismatch"


class GateReportError(UsageError):
    """A file is no report of a gate, or it was changed after it was written."""

    code = "gate_report_invalid"


class TrainingDataError(UsageError):
    """A file of training data does not have the documented form."""

    code = "training_data_invalid"
