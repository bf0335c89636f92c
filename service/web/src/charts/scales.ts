// From values to places: a scale for each axis, and the round values that stand at it.

/** Maps values onto places along an axis. */
export type Scale = (value: number) => number;

/** The scale that maps `from` onto `to`; all of an empty range lies at its beginning. */
export function linearScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  const [low, high] = from;
  const [start, end] = to;
  const factor = high === low ? 0 : (end - start) / (high - low);
  return (value) => start + (value - low) * factor;
}

/**
 * Round values from 0 to at least `highest`, about `count` of them: multiples of 1, 2 or 5 times a power of ten.
 *
 * The last one is the end of the axis. Without a value there is an axis from 0 to 1 all the same.
 */
export function ticks(highest: number, count = 4): number[] {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const steps = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, number) => Number((number * step).toPrecision(12)));
}

/** At most `most` of the indexes below `length`, evenly apart. */
export function spread(length: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(length / Math.max(1, most)));
  return Array.from({ length: Math.ceil(length / step) }, (_, number) => number * step);
}

/** The stretches of `values` that are not interrupted, each as its indexes. */
export function stretches(values: readonly (number | null)[]): number[][] {
  const found: number[][] = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) found.push([]);
    found.at(-1)?.push(index);
  });
  return found;
}
