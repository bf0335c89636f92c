// Where things lie in a chart, in pixels.

import { linearScale, type Scale, ticks } from "./scales.ts";
import { type ChartData, highestOf } from "./series.ts";

const HEIGHT = 190;
const MARGIN = { top: 12, right: 8, bottom: 26, left: 52 };

export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  /** The place of the value 0. */
  bottom: number;
  top: number;
  /** The values at the axis. */
  ticks: readonly number[];
  /** How much room each time has. */
  step: number;
  /** The middle of the room of a time, by its index. */
  x: Scale;
  y: Scale;
}

export function frameOf({ times, series }: ChartData, width: number): Frame {
  const [left, right, bottom] = [
    MARGIN.left,
    Math.max(MARGIN.left, width - MARGIN.right),
    HEIGHT - MARGIN.bottom,
  ];
  const values = ticks(highestOf(series));
  const step = (right - left) / Math.max(1, times.length);
  return {
    width,
    height: HEIGHT,
    left,
    right,
    bottom,
    top: MARGIN.top,
    ticks: values,
    step,
    x: (index) => left + (index + 0.5) * step,
    y: linearScale([0, values.at(-1) ?? 1], [bottom, MARGIN.top]),
  };
}
