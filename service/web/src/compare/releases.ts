// The releases that can be asked for by name.

import { getJson } from "../api/client.ts";
import type { components } from "../api/schema.d.ts";

type Models = components["schemas"]["Models"];

/** OpenAI's clients name what is served like this; a question leaves its release out instead. */
const SERVED = "troika";

/** Names of releases; names with a collection behind them are left to clients that have no other field for it. */
export async function releaseNames(): Promise<string[]> {
  const { data } = await getJson<Models>("/v1/models");
  return data.map(({ id }) => id).filter((id) => id !== SERVED && !id.includes(":"));
}
