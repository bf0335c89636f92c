// Files on their way to the server. `fetch` cannot tell how much of a body was sent, so this is the older way.

import { askForKey, currentKey } from "../api/key.ts";
import { Problem } from "../api/problem.ts";
import type { Job } from "./bodies.ts";

export interface Upload {
  collection: string;
  files: readonly File[];
  /** Groups with commas between them; empty for what the server makes of none. */
  acl: string;
  /** The same for every attempt, so that what arrived is not taken twice. */
  key: string;
}

/** A key for an upload. `crypto.randomUUID` is not there on a page without TLS. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/**
 * Send the files; `onProgress` is told which share was sent, 0 to 1.
 *
 * Throws a `Problem`; its code is `aborted` where `signal` said so.
 */
export async function send(
  upload: Upload,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  for (;;) {
    const key = currentKey();
    const { status, body } = await attempt(upload, key, onProgress, signal);
    if (status === 202) return body as Job;
    if (status !== 401 || !(await askForKey(key))) throw asRefusal(status, body);
  }
}

interface Response {
  status: number;
  body: unknown;
}

function attempt(
  upload: Upload,
  key: string | null,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/documents?collection=${encodeURIComponent(upload.collection)}`);
    request.setRequestHeader("idempotency-key", upload.key);
    if (key !== null) request.setRequestHeader("authorization", `Bearer ${key}`);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => resolve({ status: request.status, body: request.response });
    request.onerror = () => reject(new Problem("network", "the connection ended"));
    request.onabort = () => reject(new Problem("aborted", "stopped"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(formOf(upload));
  });
}

function formOf({ files, acl }: Upload): FormData {
  const form = new FormData();
  if (acl.trim()) form.set("acl", acl);
  for (const file of files) form.append("files", file, file.name);
  return form;
}

function asRefusal(status: number, body: unknown): Problem {
  const { code, detail } = { code: "unknown", detail: `HTTP ${status}`, ...(body as object | null) };
  return new Problem(code, detail, status);
}
