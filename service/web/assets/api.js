// The HTTP interface, as the page uses it.

import { say } from "./strings.js";

const KEY = "troika.key";

/** A problem that the server told of (RFC 9457), or that the network made. */
export class Problem extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}

/** Send a request with the key of this tab; where the server wants one or another, the reader is asked. */
async function send(path, options = {}) {
  const key = window.sessionStorage.getItem(KEY);
  const headers = key ? { ...options.headers, authorization: `Bearer ${key}` } : options.headers;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("network", String(error.message));
  }
  if (response.ok) return response;
  const given = response.status === 401 && window.prompt(say("askKey"))?.trim();
  if (given) {
    window.sessionStorage.setItem(KEY, given);
    return send(path, options);
  }
  const problem = await response.json().catch(() => ({}));
  throw new Problem(problem.code ?? "unknown", problem.detail ?? response.statusText);
}

const asJson = (body, signal) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
  signal,
});

export async function getCollections() {
  return (await send("/v1/collections")).json();
}

export async function getDocument(id, collection) {
  const query = new URLSearchParams({ collection });
  return (await send(`/v1/documents/${encodeURIComponent(id)}?${query}`)).json();
}

export async function sendFeedback(feedback) {
  return (await send("/v1/feedback", asJson(feedback))).json();
}

/** The events of an answer as they come: `{name, data}`. Aborting the signal stops the answer. */
export async function* streamAnswer(question, collection, signal) {
  const body = { question, collection, stream: true };
  const response = await send("/v1/query", asJson(body, signal));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffered += value;
    const blocks = buffered.split("\n\n");
    buffered = blocks.pop();
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

function parseEvent(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
