// How times and shares are told.

import type { Language } from "../language/language.ts";

/** A duration, in milliseconds below a second. */
export function durationOf(milliseconds: number, language: Language): string {
  const inSeconds = milliseconds >= 1000;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: inSeconds ? "second" : "millisecond",
    maximumSignificantDigits: 3,
  }).format(inSeconds ? milliseconds / 1000 : milliseconds);
}

export function percentOf(share: number, language: Language): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(share);
}

export function momentOf(moment: string, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(moment),
  );
}

/** `part` of `all` as a share; null of nothing. */
export function shareOf(part: number, all: number): number | null {
  return all === 0 ? null : part / all;
}
