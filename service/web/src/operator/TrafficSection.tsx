import { useState } from "preact/hooks";
import { Chart } from "../charts/Chart.tsx";
import { DataTable } from "../charts/DataTable.tsx";
import { language, useStrings } from "../language/language.ts";
import type { Statistics, Tally } from "./bodies.ts";
import { useJson } from "./loading.ts";
import { Section } from "./Section.tsx";
import { strings } from "./strings.ts";
import { durationOf, percentOf, shareOf } from "./words.ts";

const HOURS = { day: 24, week: 7 * 24 };
type Period = keyof typeof HOURS;

/** How answering went, over time and by release. */
export function TrafficSection() {
  const say = useStrings(strings);
  const [period, setPeriod] = useState<Period>("day");
  const loaded = useJson<Statistics>(`/v1/statistics?hours=${HOURS[period]}`);
  return (
    <Section title={say.traffic} loaded={loaded}>
      {(statistics) => (
        <>
          <fieldset class="periods">
            <legend class="visually-hidden">{say.period}</legend>
            {(["day", "week"] as const).map((one) => (
              <label key={one}>
                <input type="radio" name="period" checked={period === one} onChange={() => setPeriod(one)} />
                {say.periods[one]}
              </label>
            ))}
          </fieldset>
          <Charts statistics={statistics} />
          <h3>{say.byRelease}</h3>
          {statistics.releases.length > 0 ? (
            <ReleaseTable statistics={statistics} />
          ) : (
            <p class="quiet">{say.noAnswers}</p>
          )}
        </>
      )}
    </Section>
  );
}

function Charts({ statistics: { buckets } }: { statistics: Statistics }) {
  const say = useStrings(strings);
  const times = buckets.map(({ start }) => new Date(start));
  const count = (value: number) => value.toLocaleString(language.value);
  const duration = (value: number) => durationOf(value, language.value);
  const percent = (value: number) => percentOf(value, language.value);
  const values = (of: (tally: Tally) => number | null) => buckets.map(of);
  const share = (of: (tally: Tally) => number) => values((tally) => shareOf(of(tally), tally.answers));
  return (
    <div class="charts">
      <Chart
        title={say.answers}
        description={say.answersTold}
        marks="bars"
        times={times}
        format={count}
        series={[{ name: say.answers, values: values(({ answers }) => answers) }]}
      />
      <Chart
        title={say.latency}
        description={say.latencyTold}
        marks="lines"
        times={times}
        format={duration}
        series={[
          { name: say.p50, values: values(({ latency_ms }) => latency_ms?.p50 ?? null) },
          { name: say.p95, values: values(({ latency_ms }) => latency_ms?.p95 ?? null) },
          { name: say.firstToken, values: values(({ first_token_ms }) => first_token_ms?.p50 ?? null) },
        ]}
      />
      <Chart
        title={say.shares}
        description={say.sharesTold}
        marks="lines"
        times={times}
        format={percent}
        series={[
          { name: say.abstained, values: share(({ abstained }) => abstained) },
          { name: say.degraded, values: share(({ degraded }) => degraded) },
          { name: say.cached, values: share(({ cached }) => cached) },
        ]}
      />
      <Chart
        title={say.thumbs}
        description={say.thumbsTold}
        marks="bars"
        times={times}
        format={count}
        series={[
          { name: say.thumbsUp, values: values(({ thumbs_up }) => thumbs_up) },
          { name: say.thumbsDown, values: values(({ thumbs_down }) => thumbs_down) },
        ]}
      />
    </div>
  );
}

function ReleaseTable({ statistics }: { statistics: Statistics }) {
  const say = useStrings(strings);
  const duration = (value: number | undefined) =>
    value === undefined ? say.none : durationOf(value, language.value);
  const counted = (part: number, all: number) => {
    const share = shareOf(part, all);
    return share === null ? say.none : `${part} (${percentOf(share, language.value)})`;
  };
  return (
    <DataTable
      caption={say.byRelease}
      captionHidden
      columns={say.releaseColumns}
      rows={statistics.releases.map((one) => [
        one.release,
        one.answers,
        duration(one.latency_ms?.p50),
        duration(one.latency_ms?.p95),
        duration(one.first_token_ms?.p50),
        counted(one.abstained, one.answers),
        counted(one.degraded, one.answers),
        counted(one.cached, one.answers),
        one.thumbs_up,
        one.thumbs_down,
      ])}
    />
  );
}
