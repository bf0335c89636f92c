import { useId, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { language, useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { ProblemNotice } from "../widgets/Notice.tsx";
import type { Job } from "./bodies.ts";
import { cancelJob, follow, isOver, jobs, jobsProblem } from "./jobs.ts";
import { strings } from "./strings.ts";
import { ageOf, countOf, filesOf, nameOf } from "./words.ts";

/** What was added and deleted lately, and what is being done. */
export function JobList() {
  const say = useStrings(strings);
  const headingId = useId();
  const shown = jobs.value;
  if (shown === null) return null;
  return (
    <section class="documents-card" aria-labelledby={headingId}>
      <h2 id={headingId}>{say.jobs}</h2>
      {jobsProblem.value && <ProblemNotice problem={jobsProblem.value} />}
      {shown.length === 0 && <p class="documents-note">{say.noJobs}</p>}
      <ol class="documents-jobs">
        {shown.map((job) => (
          <li key={job.id} class={`documents-job ${job.state}`}>
            <JobItem job={job} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function JobItem({ job }: { job: Job }) {
  const say = useStrings(strings);
  return (
    <>
      <p class="documents-job-head">
        <span class="documents-state">{job.cancelling ? say.cancelling : say.state[job.state]}</span>
        <span class="documents-name">
          {say.kind[job.kind]}: {filesOf(job, language.value)}
        </span>
        <span class="documents-note">{ageOf(job.created_at, language.value)}</span>
      </p>
      {job.state === "running" && <Progress job={job} />}
      {job.error && <p class="documents-reason">{job.error.reason}</p>}
      {job.failures.length > 0 && <Failures job={job} />}
      {!isOver(job) && !job.cancelling && <Cancel job={job} />}
    </>
  );
}

function Progress({ job }: { job: Job }) {
  const say = useStrings(strings);
  const { stage, done, total } = job.progress;
  const counted = total ? say.progress(countOf(done, language.value), countOf(total, language.value)) : "";
  const words = `${say.stage[stage]} ${counted}`;
  return (
    <>
      <p class="documents-note">{words}</p>
      {total ? <progress aria-label={words} value={done} max={total} /> : <progress aria-label={words} />}
    </>
  );
}

function Failures({ job }: { job: Job }) {
  const say = useStrings(strings);
  return (
    <details open={job.failures.length <= 3}>
      <summary>{say.unread(job.failures.length)}</summary>
      <ul class="documents-failures">
        {job.failures.map(({ path, reason }) => (
          <li key={path}>
            <span class="documents-name">{nameOf(path)}</span> {reason}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Cancel({ job }: { job: Job }) {
  const say = useStrings(strings);
  const [problem, setProblem] = useState<Problem | null>(null);
  const cancel = async () => {
    try {
      await follow(await cancelJob(job));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <>
      {problem && <ProblemNotice problem={problem} />}
      <Button kind="quiet" icon="stop" onClick={() => void cancel()}>
        {say.cancelJob}
      </Button>
    </>
  );
}
