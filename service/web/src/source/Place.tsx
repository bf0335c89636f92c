import type { Passage } from "../api/bodies.ts";
import { useStrings } from "../language/language.ts";
import { strings } from "./strings.ts";

/** Where a passage stands in its document: its headings and page. */
export function Place({ passage }: { passage: Passage }) {
  const say = useStrings(strings);
  const [top, ...below] = passage.heading_path;
  const headings = top === passage.title ? below : passage.heading_path;
  const places = passage.page === null ? headings : [...headings, say.page(passage.page)];
  return places.length > 0 ? <span class="place">{places.join(" › ")}</span> : null;
}
