import type { components } from "../api/schema.d.ts";

type Schemas = components["schemas"];

export type Readiness = Schemas["ReadinessBody"];
export type Adapters = Schemas["AdaptersBody"];
export type Adapter = Schemas["AdapterBody"];
export type Canary = Schemas["CanaryBody"];
export type Guard = Schemas["GuardBody"];
export type Snapshots = Schemas["SnapshotsBody"];
export type Jobs = Schemas["JobsBody"];
export type Job = Schemas["JobBody"];
export type Statistics = Schemas["StatisticsBody"];
export type Tally = Omit<Schemas["BucketBody"], "start">;
