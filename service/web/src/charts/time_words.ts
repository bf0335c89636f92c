import { language } from "../language/language.ts";

const DAY = 24 * 3600 * 1000;

interface TimeWords {
  /** To stand under an axis. */
  short: string[];
  /** The day with the time. */
  long: string[];
}

/** The times in the reader's language and time zone. */
export function useTimeWords(times: readonly Date[]): TimeWords {
  const [first, last] = [times[0], times.at(-1)];
  const areDays = first !== undefined && last !== undefined && last.getTime() - first.getTime() > DAY;
  const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const day = { month: "short", day: "numeric" } as const;
  const short = new Intl.DateTimeFormat(language.value, areDays ? day : hour);
  const long = new Intl.DateTimeFormat(language.value, { ...day, ...hour });
  return { short: times.map((time) => short.format(time)), long: times.map((time) => long.format(time)) };
}
