import type { Frame } from "./frame.ts";
import { spread } from "./scales.ts";

const ROOM_OF_A_TIME = 84;

interface AxesProps {
  frame: Frame;
  /** What stands under each time. */
  labels: readonly string[];
  format: (value: number) => string;
}

/** The lines and words that the marks of a chart are read by. */
export function Axes({ frame, labels, format }: AxesProps) {
  const shown = spread(labels.length, Math.floor((frame.right - frame.left) / ROOM_OF_A_TIME));
  return (
    <g class="axes">
      {frame.ticks.map((value) => (
        <g key={value}>
          <line x1={frame.left} x2={frame.right} y1={frame.y(value)} y2={frame.y(value)} />
          <text x={frame.left - 8} y={frame.y(value)} dy="0.32em" text-anchor="end">
            {format(value)}
          </text>
        </g>
      ))}
      {shown.map((index) => (
        <text
          key={index}
          x={frame.x(index)}
          y={frame.bottom + 18}
          text-anchor={index === 0 ? "start" : "middle"}
        >
          {labels[index]}
        </text>
      ))}
    </g>
  );
}
