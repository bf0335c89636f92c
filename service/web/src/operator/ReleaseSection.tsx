import { DataTable } from "../charts/DataTable.tsx";
import { language, useStrings } from "../language/language.ts";
import type { Adapter, Adapters, Canary, Guard } from "./bodies.ts";
import { useJson } from "./loading.ts";
import { Section } from "./Section.tsx";
import { strings } from "./strings.ts";
import { momentOf, percentOf } from "./words.ts";

const DIGITS = 12;
const STATE_CLASS = { tripped: "failed", fine: "ok", waiting: "" };

/** What answers now, the canary beside it, and the adapters that are kept. */
export function ReleaseSection() {
  const say = useStrings(strings);
  return (
    <Section title={say.release} loaded={useJson<Adapters>("/v1/adapters")}>
      {(adapters) => (
        <>
          <Served adapters={adapters} />
          {adapters.canary && <CanaryState canary={adapters.canary} />}
          <h3>{say.adapters}</h3>
          {adapters.adapters.length > 0 ? (
            <AdapterTable adapters={adapters} />
          ) : (
            <p class="quiet">{say.noAdapters}</p>
          )}
          <p class="quiet">{say.commands}</p>
        </>
      )}
    </Section>
  );
}

function Served({ adapters }: { adapters: Adapters }) {
  const say = useStrings(strings);
  const { served, served_since, last_change } = adapters;
  return (
    <div>
      <p class="served">{served === "base" ? say.base : served}</p>
      <p class="quiet">{served_since ? say.since(momentOf(served_since, language.value)) : say.always}</p>
      {last_change && (
        <p class="quiet">
          {say.lastChange(
            say.changes[last_change.change] ?? last_change.change,
            momentOf(last_change.created_at, language.value),
          )}
          {last_change.reason && ` (${last_change.reason})`}
        </p>
      )}
    </div>
  );
}

function CanaryState({ canary }: { canary: Canary }) {
  const say = useStrings(strings);
  const caption = say.canary(canary.release, percentOf(canary.share, language.value));
  if (canary.guards) return <GuardTable caption={caption} guards={canary.guards} />;
  return (
    <>
      <p>{caption}</p>
      <p class="quiet">{say.guardsHidden}</p>
    </>
  );
}

function GuardTable({ caption, guards }: { caption: string; guards: readonly Guard[] }) {
  const say = useStrings(strings);
  const share = (value: number) => percentOf(value, language.value);
  return (
    <DataTable
      caption={caption}
      columns={say.guardColumns}
      rows={guards.map((guard) => {
        const state = guard.tripped ? "tripped" : guard.enough ? "fine" : "waiting";
        return [
          say.guards[guard.guard] ?? guard.guard,
          say.count(guard.candidate.bad, guard.candidate.all),
          guard.served ? say.count(guard.served.bad, guard.served.all) : say.none,
          share(guard.least),
          share(guard.allowed),
          <span class={`state ${STATE_CLASS[state]}`}>{say.guardState[state]}</span>,
        ];
      })}
    />
  );
}

function AdapterTable({ adapters }: { adapters: Adapters }) {
  const say = useStrings(strings);
  const state = ({ name }: Adapter) =>
    name === adapters.served ? "served" : name === adapters.canary?.release ? "canary" : "kept";
  return (
    <DataTable
      caption={say.adapters}
      captionHidden
      columns={say.adapterColumns}
      rows={adapters.adapters.map((adapter) => [
        adapter.name,
        say.adapterState[state(adapter)],
        adapter.report_sha256 ? say.gate.passed(adapter.report_sha256.slice(0, DIGITS)) : say.gate.none,
        momentOf(adapter.created_at, language.value),
        <code>{adapter.base_model}</code>,
        <code>{adapter.prompt_id}</code>,
      ])}
    />
  );
}
