// Which words of two texts differ: those outside their longest common subsequence of words.

/** A half-open stretch of a text, in UTF-16 units. */
export interface Stretch {
  start: number;
  end: number;
}

interface Word extends Stretch {
  text: string;
}

/** Comparing takes time and memory by the product of the lengths; answers are far shorter. */
const MOST_WORDS = 3000;

/** The differing stretches of each text; none for texts that are too long to compare. */
export function differences(left: string, right: string): [Stretch[], Stretch[]] {
  const [first, second] = [wordsOf(left), wordsOf(right)];
  if (first.length > MOST_WORDS || second.length > MOST_WORDS) return [[], []];
  const [keptLeft, keptRight] = common(first, second);
  return [joined(first, keptLeft), joined(second, keptRight)];
}

/** Words, and each ideograph by itself; marks of punctuation say too little to be marked. */
function wordsOf(text: string): Word[] {
  return [...text.matchAll(/\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{N}\p{M}])+/gu)].map((match) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/** The indexes of the words that both texts have in the same order, in each text. */
function common(left: readonly Word[], right: readonly Word[]): [Set<number>, Set<number>] {
  const width = right.length + 1;
  const lengths = new Uint16Array((left.length + 1) * width);
  const at = (row: number, column: number) => lengths[row * width + column] ?? 0;
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      lengths[row * width + column] =
        left[row]?.text === right[column]?.text
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const kept: [Set<number>, Set<number>] = [new Set(), new Set()];
  for (let row = 0, column = 0; row < left.length && column < right.length; ) {
    if (left[row]?.text === right[column]?.text) {
      kept[0].add(row++);
      kept[1].add(column++);
    } else if (at(row + 1, column) >= at(row, column + 1)) row++;
    else column++;
  }
  return kept;
}

/** The words that were not kept; neighbours are one stretch. */
function joined(words: readonly Word[], kept: ReadonlySet<number>): Stretch[] {
  const found: Stretch[] = [];
  words.forEach(({ start, end }, index) => {
    if (kept.has(index)) return;
    const last = found.at(-1);
    if (last && index > 0 && !kept.has(index - 1)) last.end = end;
    else found.push({ start, end });
  });
  return found;
}
