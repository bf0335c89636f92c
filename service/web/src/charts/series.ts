// What a chart shows.

/** Values of one kind, one for each time; null where there is none. */
export interface Series {
  name: string;
  values: readonly (number | null)[];
}

export interface ChartData {
  /** When each value's stretch of time began, oldest first, evenly apart. */
  times: readonly Date[];
  /** At most three: there are no more colours that everybody tells apart. */
  series: readonly Series[];
  /** Words for a value. */
  format: (value: number) => string;
}

/** The highest value of all; 0 without any. */
export function highestOf(series: readonly Series[]): number {
  return Math.max(0, ...series.flatMap(({ values }) => values.filter((value) => value !== null)));
}
