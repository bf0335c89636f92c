// What the picture of a page and the boxes on it mean to a reader's browser.

import type { components } from "../api/schema.d.ts";

export type Box = components["schemas"]["BoxBody"];

const WIDTHS = [600, 1000, 1500, 2000, 3000] as const;
const LAST_PAGE = /<(\d+)>;\s*rel="last"/;

/** The width to ask for, in dots, so that a page is sharp on `wide` of them: few, so that they are kept. */
export function widthFor(wide: number): number {
  return WIDTHS.find((width) => width >= wide) ?? WIDTHS[WIDTHS.length - 1] ?? 3000;
}

/** The number of the last page that a `Link` field tells (RFC 8288); `page` where it tells none. */
export function lastPage(link: string | null, page: number): number {
  return Number(LAST_PAGE.exec(link ?? "")?.[1] ?? page);
}

/** How a box is laid over the picture of its page. */
export function styleOf(box: Box): Record<"left" | "top" | "width" | "height", string> {
  const percent = (share: number) => `${(share * 100).toFixed(3)}%`;
  return {
    left: percent(box.left),
    top: percent(box.top),
    width: percent(box.right - box.left),
    height: percent(box.bottom - box.top),
  };
}
