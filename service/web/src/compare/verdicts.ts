// What the reader found better, and how sure that makes it.

/** What is compared: a release (null for what is served) and a collection. */
export interface Variant {
  release: string | null;
  collection: string;
}

/** Which of two variants is better: the first, the second, or neither. */
export type Better = 0 | 1 | null;

/** How often each of two variants was better. */
export interface Score {
  variants: readonly [Variant, Variant];
  wins: readonly [number, number];
  neither: number;
}

export interface Interval {
  low: number;
  high: number;
}

const Z = 1.959964; // of 95 %

/**
 * The interval that holds the true share in 95 of 100 such tallies (Wilson 1927, "Probable Inference, the Law of
 * Succession, and Statistical Inference"); everything is possible while nothing was counted.
 */
export function wilson(successes: number, all: number): Interval {
  if (all === 0) return { low: 0, high: 1 };
  const share = successes / all;
  const spread = 1 + Z ** 2 / all;
  const center = (share + Z ** 2 / (2 * all)) / spread;
  const reach = (Z / spread) * Math.sqrt((share * (1 - share)) / all + Z ** 2 / (4 * all ** 2));
  return { low: Math.max(0, center - reach), high: Math.min(1, center + reach) };
}

export function isSame(one: Variant, other: Variant): boolean {
  return one.release === other.release && one.collection === other.collection;
}

/** `scores` with one verdict more, on whichever side its variants were. */
export function counted(
  scores: readonly Score[],
  variants: readonly [Variant, Variant],
  better: Better,
): Score[] {
  const [first, second] = variants;
  const known = scores.find(({ variants: [one, other] }) =>
    isSame(one, first) ? isSame(other, second) : isSame(one, second) && isSame(other, first),
  );
  const score = known ?? { variants, wins: [0, 0] as const, neither: 0 };
  const turned = !isSame(score.variants[0], first);
  const winner = better === null ? null : turned ? 1 - better : better;
  const next: Score = {
    variants: score.variants,
    wins: [score.wins[0] + Number(winner === 0), score.wins[1] + Number(winner === 1)],
    neither: score.neither + Number(winner === null),
  };
  return known ? scores.map((one) => (one === known ? next : one)) : [...scores, next];
}
