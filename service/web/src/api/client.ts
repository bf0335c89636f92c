// Requests to the server that the page came from.

import { askForKey, currentKey } from "./key.ts";
import { Problem, problemOf } from "./problem.ts";

/**
 * Send a request with the key of this tab; where the server wants one or another, the reader is asked.
 *
 * Throws a `Problem`, or what `fetch` throws when `signal` aborts it.
 */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const key = currentKey();
  const headers = new Headers(options.headers);
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  const response = await fetch(path, { ...options, headers }).catch((error: unknown) => {
    if (options.signal?.aborted) throw error;
    throw new Problem("network", error instanceof Error ? error.message : String(error));
  });
  if (response.ok) return response;
  if (response.status === 401 && (await askForKey(key))) return request(path, options);
  throw await problemOf(response);
}

/** The JSON at `path`, of the form that the server's description states for it. */
export async function getJson<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  const response = await request(path, signal ? { signal } : {});
  return (await response.json()) as Body;
}

/** The JSON that `path` answers to `body` with. */
export async function postJson<Body>(path: string, body: unknown): Promise<Body> {
  return (await (await post(path, body)).json()) as Body;
}

/** The response of `path` to `body`, for those that are read as they come. */
export function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

/** `path` with the parameters that have a value. */
export function withQuery(
  path: string,
  parameters: Record<string, string | number | null | undefined>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  return query.size ? `${path}?${query}` : path;
}
