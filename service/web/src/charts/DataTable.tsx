import type { ComponentChildren } from "preact";
import "./charts.css";

interface DataTableProps {
  caption: string;
  /** Whether the caption is for screen readers only, because a heading says the same. */
  captionHidden?: boolean;
  columns: readonly string[];
  /** The cells of each row; the first one is the row's heading. */
  rows: readonly (readonly ComponentChildren[])[];
}

export function DataTable({ caption, captionHidden = false, columns, rows }: DataTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
    <section class="table-scroll" tabIndex={0} aria-label={caption}>
      <table class="data-table">
        <caption class={captionHidden ? "visually-hidden" : undefined}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([heading, ...cells], number) => (
            <tr key={number}>
              <th scope="row">{heading}</th>
              {cells.map((cell, place) => (
                <td key={place}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
