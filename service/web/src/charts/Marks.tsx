import type { Frame } from "./frame.ts";
import { stretches } from "./scales.ts";
import type { Series } from "./series.ts";

interface MarksProps {
  frame: Frame;
  series: readonly Series[];
}

/** A line for each series, interrupted where nothing was measured. */
export function Lines({ frame, series }: MarksProps) {
  return (
    <>
      {series.map(({ name, values }, number) => (
        <g key={name} class={`line series-${number + 1}`}>
          {stretches(values).map((indexes) => {
            const places = indexes.map((index) => `${frame.x(index)},${frame.y(values[index] ?? 0)}`);
            // A single value makes no line: it is shown as the dot of a very short one.
            const points = places.length === 1 ? [places[0], places[0]] : places;
            return <polyline key={indexes[0]} points={points.join(" ")} />;
          })}
        </g>
      ))}
    </>
  );
}

/** Bars of each series side by side. */
export function Bars({ frame, series }: MarksProps) {
  const width = (frame.step * 0.8) / series.length;
  return (
    <>
      {series.map(({ name, values }, number) => (
        <g key={name} class={`bar-mark series-${number + 1}`}>
          {values.map((value, index) => {
            if (value === null || value === 0) return null;
            const x = frame.x(index) + (number - series.length / 2) * width;
            return (
              <rect
                key={index}
                x={x}
                y={frame.y(value)}
                width={width}
                height={frame.bottom - frame.y(value)}
              />
            );
          })}
        </g>
      ))}
    </>
  );
}
