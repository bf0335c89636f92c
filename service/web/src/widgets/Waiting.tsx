import type { ComponentChildren } from "preact";
import "./widgets.css";

/** Words beside a sign that something is under way. */
export function Waiting({ children }: { children: ComponentChildren }) {
  return <p class="waiting">{children}</p>;
}
