"""The names that OpenTelemetry's conventions for generative AI give to what is traced, in this one place.

https://github.com/open-telemetry/semantic-conventions-genai; they are still in development, so the version
that is meant is told with every span.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
DATA_SOURCE = "gen_ai.data_source.id"
QUERY_TEXT = "gen_ai.retrieval.query.text"
DOCUMENTS = "gen_ai.retrieval.documents"
RESPONSE_ID = "gen_ai.response.id"
FIRST_CHUNK_SECONDS = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
DIMENSIONS = "gen_ai.embeddings.dimension.count"
ERROR = "error.type"

RETRIEVAL = "retrieval"
EMBEDDINGS = "embeddings"
CHAT = "chat"

# Troika's own.
RELEASE = "troika.release"
SNAPSHOT = "troika.snapshot"
ABSTAINED = "troika.abstained"
DEGRADED = "troika.degraded"
CACHE = "troika.cache"
GROUNDEDNESS = "troika.groundedness"
SUSPICIOUS = "troika.suspicious"
