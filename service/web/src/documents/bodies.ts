import type { components } from "../api/schema.d.ts";

type Schemas = components["schemas"];

export type Documents = Schemas["DocumentsBody"];
export type ListedDocument = Schemas["ListedDocumentBody"];
export type Job = Schemas["JobBody"];
export type Jobs = Schemas["JobsBody"];
export type Snapshot = Schemas["SnapshotBody"];
export type Snapshots = Schemas["SnapshotsBody"];
