// How documents, sizes and times are told.

import type { Language } from "../language/language.ts";
import type { Job, ListedDocument } from "./bodies.ts";
import { strings } from "./strings.ts";

const UPLOAD = "upload:///";
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
const AGES: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** The last part of a document's address, as people write it. */
export function nameOf(uri: string): string {
  const last = uri.slice(uri.lastIndexOf("/", uri.length - 2) + 1);
  try {
    return decodeURIComponent(last) || uri;
  } catch {
    return last; // the name is not in UTF-8
  }
}

/** Whether a document was uploaded as it is: then it can be deleted here. */
export function isUpload(uri: string): boolean {
  return uri.startsWith(UPLOAD) && !uri.includes("!/");
}

/** The groups that may see a document; none where everybody may. */
export function groupsOf(document: ListedDocument): readonly string[] {
  const { acl } = document.metadata;
  if (acl === undefined) return [];
  return Array.isArray(acl) ? acl : [String(acl)];
}

/** Whether all words of `filter` are in the document's name or title. */
export function matches(document: ListedDocument, filter: string): boolean {
  const text = `${nameOf(document.uri)} ${document.title}`.toLocaleLowerCase();
  return filter
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function sizeOf(bytes: number, language: Language): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: UNITS[power] ?? "byte",
    maximumFractionDigits: power ? 1 : 0,
  }).format(bytes / 1000 ** power);
}

/** How long ago `moment` was, in whole minutes, hours or days. */
export function ageOf(moment: string, language: Language, now: number = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(moment)) / 1000);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const [unit, length] = AGES.find(([, length]) => seconds >= length) ?? ["second", 60];
  return format.format(-Math.floor(seconds / length), unit);
}

export function countOf(count: number, language: Language): string {
  return new Intl.NumberFormat(language).format(count);
}

/** The files of a job: the first by name, the others by number. */
export function filesOf(job: Job, language: Language): string {
  const [first = "", ...others] = job.documents;
  return strings[language].files(nameOf(first), others.length);
}
