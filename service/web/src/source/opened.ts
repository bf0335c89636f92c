// The document that is open beside the view, and where in it the reader is led.

import { signal } from "@preact/signals";
import type { Citation, Passage } from "../api/bodies.ts";

/** A half-open stretch of a document's text, in code points. */
export interface Span {
  start: number;
  end: number;
}

export interface OpenedSource {
  documentId: string;
  collection: string;
  title: string;
  uri: string;
  /** The passage that an answer read, with its number there; null where a document is opened by itself. */
  passage: Passage | null;
  /** The words that are quoted from it. */
  quote: Span | null;
}

export const openedSource = signal<OpenedSource | null>(null);

let returnTo: Element | null = null;

/** Open a source in the panel; what has the focus now gets it back when the panel is closed. */
export function openSource(source: OpenedSource): void {
  returnTo = document.activeElement;
  openedSource.value = source;
}

/** Open what an answer read, at what it quotes. */
export function openPassage(passage: Passage, citation: Citation | null, collection: string): void {
  openSource({
    documentId: passage.document_id,
    collection,
    title: passage.title,
    uri: passage.uri,
    passage,
    quote: citation && { start: citation.quote_start, end: citation.quote_end },
  });
}

export function closeSource(): void {
  openedSource.value = null;
  if (returnTo instanceof HTMLElement) returnTo.focus();
  returnTo = null;
}
