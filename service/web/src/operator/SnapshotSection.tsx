import { withQuery } from "../api/client.ts";
import { DataTable } from "../charts/DataTable.tsx";
import { collections, collectionsProblem } from "../collection/chosen.ts";
import { countOf, sizeOf } from "../documents/words.ts";
import { language, useStrings } from "../language/language.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import type { Snapshots } from "./bodies.ts";
import { useJson } from "./loading.ts";
import { Section } from "./Section.tsx";
import { strings } from "./strings.ts";
import { momentOf } from "./words.ts";

/** The states that each collection keeps. */
export function SnapshotSection() {
  const say = useStrings(strings);
  return (
    <Section title={say.snapshots} loaded={{ body: collections.value, problem: collectionsProblem.value }}>
      {(published) => (
        <>
          {published.length === 0 && <p class="quiet">{say.noSnapshots}</p>}
          {published.map(({ name }) => (
            <SnapshotTable key={name} collection={name} />
          ))}
        </>
      )}
    </Section>
  );
}

function SnapshotTable({ collection }: { collection: string }) {
  const say = useStrings(strings);
  const { body, problem } = useJson<Snapshots>(withQuery("/v1/snapshots", { collection }));
  if (problem !== null) return <ProblemNotice problem={problem} />;
  if (body === null) return <Waiting>{say.loading}</Waiting>;
  return (
    <DataTable
      caption={collection}
      columns={say.snapshotColumns}
      rows={body.snapshots.map((snapshot) => [
        <code>{snapshot.id}</code>,
        <span class={snapshot.current ? "state ok" : "state"}>
          {snapshot.current ? say.snapshotState.current : say.snapshotState.kept}
        </span>,
        momentOf(snapshot.created_at, language.value),
        countOf(snapshot.documents, language.value),
        countOf(snapshot.chunks, language.value),
        sizeOf(snapshot.bytes, language.value),
      ])}
    />
  );
}
