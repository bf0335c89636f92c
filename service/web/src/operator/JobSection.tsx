import { DataTable } from "../charts/DataTable.tsx";
import { filesOf } from "../documents/words.ts";
import { language, useStrings } from "../language/language.ts";
import type { Job, Jobs } from "./bodies.ts";
import { useJson } from "./loading.ts";
import { Section } from "./Section.tsx";
import { strings } from "./strings.ts";
import { momentOf, percentOf } from "./words.ts";

/** What is being added to collections and deleted from them, whoever began it. */
export function JobSection() {
  const say = useStrings(strings);
  const running = useJson<Jobs>("/v1/jobs?state=running");
  const queued = useJson<Jobs>("/v1/jobs?state=queued");
  const jobs = running.body && queued.body && [...running.body.jobs, ...queued.body.jobs];
  return (
    <Section title={say.jobs} loaded={{ body: jobs, problem: running.problem ?? queued.problem }}>
      {(underWay) =>
        underWay.length === 0 ? (
          <p class="quiet">{say.noJobs}</p>
        ) : (
          <DataTable caption={say.jobs} captionHidden columns={say.jobColumns} rows={underWay.map(rowOf)} />
        )
      }
    </Section>
  );
}

function rowOf(job: Job): string[] {
  const say = strings[language.value];
  const { done, total } = job.progress;
  return [
    `${say.jobKinds[job.kind] ?? job.kind}: ${filesOf(job, language.value)}`,
    job.collection,
    say.jobStates[job.state] ?? job.state,
    total ? percentOf(done / total, language.value) : say.none,
    momentOf(job.started_at ?? job.created_at, language.value),
  ];
}
