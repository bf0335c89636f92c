// Marks what differs in two elements, without changing them: by the CSS Custom Highlight API.

import { differences, type Stretch } from "./difference.ts";

const NAME = "difference";

/** Mark the differing words of both elements; how many stretches there are. */
export function markDifferences(left: Element, right: Element): number {
  const [first, second] = [textNodesOf(left), textNodesOf(right)];
  const [onLeft, onRight] = differences(textOf(first), textOf(second));
  const ranges = [...rangesOf(first, onLeft), ...rangesOf(second, onRight)];
  CSS.highlights?.set(NAME, new Highlight(...ranges));
  return ranges.length;
}

export function unmarkDifferences(): void {
  CSS.highlights?.delete(NAME);
}

/** The texts within `element`, but for citation numbers and words for screen readers. */
function textNodesOf(element: Element): Text[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement?.closest("button, .visually-hidden")
      ? NodeFilter.FILTER_REJECT
      : NodeFilter.FILTER_ACCEPT,
  );
  const found: Text[] = [];
  while (walker.nextNode()) {
    if (walker.currentNode instanceof Text) found.push(walker.currentNode);
  }
  return found;
}

function textOf(nodes: readonly Text[]): string {
  return nodes.map(({ data }) => data).join("");
}

function rangesOf(nodes: readonly Text[], stretches: readonly Stretch[]): Range[] {
  return stretches.map(({ start, end }) => {
    const range = document.createRange();
    range.setStart(...placeOf(nodes, start, 0));
    range.setEnd(...placeOf(nodes, end, 1));
    return range;
  });
}

/** The node that holds the place, and where in it; `beyond` is 1 for places that may lie at a node's end. */
function placeOf(nodes: readonly Text[], offset: number, beyond: 0 | 1): [Text, number] {
  let rest = offset;
  for (const node of nodes) {
    if (rest < node.length + beyond) return [node, rest];
    rest -= node.length;
  }
  throw new RangeError(`there is no place ${offset}`);
}
