// A page of a PDF as the server draws it, and where the quoted lines stand on it.

import { getJson, request, withQuery } from "../api/client.ts";
import type { components } from "../api/schema.d.ts";
import type { Span } from "./opened.ts";
import { type Box, lastPage } from "./pdfSheet.ts";

type Boxes = components["schemas"]["BoxesBody"];

/** `address` is of this page's own, until it is let go with `URL.revokeObjectURL`. */
export interface Picture {
  address: string;
  /** How many pages the document has. */
  pages: number;
}

export async function drawPage(
  documentId: string,
  query: { collection: string; width: number },
  page: number,
  signal: AbortSignal,
): Promise<Picture> {
  const path = withQuery(`/v1/documents/${documentId}/pages/${page}`, query);
  const response = await request(path, { signal });
  const address = URL.createObjectURL(await response.blob());
  return { address, pages: lastPage(response.headers.get("link"), page) };
}

/** The lines that `spans` stand in, each once. */
export async function findBoxes(
  documentId: string,
  collection: string,
  spans: readonly Span[],
  signal: AbortSignal,
): Promise<readonly Box[]> {
  const found = await Promise.all(
    spans.map(({ start, end }) =>
      getJson<Boxes>(withQuery(`/v1/documents/${documentId}/boxes`, { collection, start, end }), signal),
    ),
  );
  const byStart = new Map(
    found.flatMap(({ boxes }) => boxes).map((box) => [`${box.page} ${box.start}`, box]),
  );
  return [...byStart.values()];
}
