// Names for the bodies that the server describes; `npm run types` writes their description anew.

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Answer = Schemas["AnswerBody"];
export type StoredAnswer = Schemas["StoredAnswerBody"];
export type Citation = Schemas["CitationBody"];
export type Passage = Schemas["PassageBody"];
export type Sentence = Schemas["SentenceBody"];
export type QueryRequest = Schemas["QueryRequest"];
export type FeedbackRequest = Schemas["FeedbackRequest"];
export type Feedback = Schemas["FeedbackBody"];
export type Verdict = Schemas["CitationJudgement"]["verdict"];
export type Collections = Schemas["CollectionsBody"];
export type Collection = Schemas["CollectionBody"];
export type SourceDocument = Schemas["DocumentBody"];
export type ListedDocument = Schemas["DocumentsBody"]["documents"][number];
