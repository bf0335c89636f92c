import { useId, useState } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { Axes } from "./Axes.tsx";
import { DataTable } from "./DataTable.tsx";
import { frameOf } from "./frame.ts";
import { Bars, Lines } from "./Marks.tsx";
import type { ChartData } from "./series.ts";
import { strings } from "./strings.ts";
import { useTimeWords } from "./time_words.ts";
import { useWidth } from "./use_width.ts";
import "./charts.css";

interface ChartProps extends ChartData {
  title: string;
  /** What is shown, in a sentence. */
  description: string;
  marks: "lines" | "bars";
}

/** Values over time. The same values are read with the arrow keys, under the pointer, and from a table. */
export function Chart({ title, description, marks, ...data }: ChartProps) {
  const [titleId, descriptionId] = [useId(), useId()];
  const [box, width] = useWidth<HTMLDivElement>();
  const [index, setIndex] = useState<number | null>(null);
  const words = useTimeWords(data.times);
  const frame = frameOf(data, width);
  const last = data.times.length - 1;
  const shown = index === null ? null : Math.min(index, last);
  const Marks = marks === "lines" ? Lines : Bars;
  return (
    <figure class="chart">
      <figcaption>
        <h3 id={titleId}>{title}</h3>
        <p id={descriptionId}>{description}</p>
      </figcaption>
      <Legend data={data} index={shown} when={shown === null ? null : (words.long[shown] ?? null)} />
      <div
        class="chart-box"
        ref={box}
        role="slider"
        tabIndex={0}
        aria-labelledby={titleId}
        aria-describedby={descriptionId}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={shown ?? last}
        aria-valuetext={valueText(data, shown ?? last, words.long)}
        onKeyDown={(event) => {
          const next = moved(event.key, shown ?? last + 1, last);
          if (next === null) return;
          event.preventDefault();
          setIndex(next);
        }}
        onPointerMove={(event) => {
          const { left } = event.currentTarget.getBoundingClientRect();
          setIndex(within(Math.floor((event.clientX - left - frame.left) / frame.step), last));
        }}
        onPointerLeave={() => setIndex(null)}
        onBlur={() => setIndex(null)}
      >
        <svg width={width} height={frame.height} aria-hidden="true">
          <Axes frame={frame} labels={words.short} format={data.format} />
          {shown !== null && (
            <line class="cursor" x1={frame.x(shown)} x2={frame.x(shown)} y1={frame.top} y2={frame.bottom} />
          )}
          <Marks frame={frame} series={data.series} />
        </svg>
      </div>
      <ValueTable title={title} data={data} when={words.long} />
    </figure>
  );
}

interface LegendProps {
  data: ChartData;
  index: number | null;
  when: string | null;
}

/** The names of the series, with their values at the time that is looked at. */
function Legend({ data, index, when }: LegendProps) {
  const say = useStrings(strings);
  return (
    <ul class="legend">
      {data.series.map(({ name, values }, number) => {
        const value = index === null ? undefined : values[index];
        return (
          <li key={name} class={`series-${number + 1}`}>
            <svg class="sample" width="22" height="8" aria-hidden="true">
              <line x1="1" x2="21" y1="4" y2="4" />
            </svg>
            {name}
            {value !== undefined && <strong>{value === null ? say.none : data.format(value)}</strong>}
          </li>
        );
      })}
      {when !== null && <li class="when">{when}</li>}
    </ul>
  );
}

function ValueTable({ title, data, when }: { title: string; data: ChartData; when: readonly string[] }) {
  const say = useStrings(strings);
  const [open, setOpen] = useState(false);
  const cell = (value: number | null | undefined) =>
    value === null || value === undefined ? say.none : data.format(value);
  return (
    <details class="chart-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say.asTable}</summary>
      {open && (
        <DataTable
          caption={title}
          captionHidden
          columns={[say.time, ...data.series.map(({ name }) => name)]}
          rows={when.map((moment, index) => [
            moment,
            ...data.series.map(({ values }) => cell(values[index])),
          ])}
        />
      )}
    </details>
  );
}

/** Everything at one time, in words. */
function valueText({ series, format }: ChartData, index: number, when: readonly string[]): string {
  const told = series.flatMap(({ name, values }) => {
    const value = values[index];
    return value === null || value === undefined ? [] : [`${name} ${format(value)}`];
  });
  return [when[index] ?? "", ...told].join(", ");
}

/** Where a key leads from `index`; null for one that leads nowhere. */
function moved(key: string, index: number, last: number): number | null {
  const targets: Record<string, number> = {
    ArrowLeft: index - 1,
    ArrowDown: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index + 1,
    Home: 0,
    End: last,
  };
  const target = targets[key];
  return target === undefined ? null : within(target, last);
}

function within(index: number, last: number): number {
  return Math.max(0, Math.min(last, index));
}
