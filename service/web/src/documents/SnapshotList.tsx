import { useId, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { loadCollections } from "../collection/chosen.ts";
import { language, useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { Dialog } from "../widgets/Dialog.tsx";
import { ProblemNotice } from "../widgets/Notice.tsx";
import type { Snapshot } from "./bodies.ts";
import { reload } from "./listing.ts";
import { goBackTo, loadSnapshots, snapshots } from "./snapshots.ts";
import { strings } from "./strings.ts";
import { ageOf, countOf, sizeOf } from "./words.ts";

/** The states that the collection keeps, for those who may go back to one. */
export function SnapshotList() {
  const say = useStrings(strings);
  const headingId = useId();
  const [chosen, choose] = useState<Snapshot | null>(null);
  if (snapshots.value.length === 0) return null;
  return (
    <section class="documents-card" aria-labelledby={headingId}>
      <h2 id={headingId}>{say.snapshots}</h2>
      <p class="documents-note">{say.snapshotsNote}</p>
      <ol class="documents-snapshots">
        {snapshots.value.map((snapshot) => (
          <li key={snapshot.id}>
            <SnapshotItem snapshot={snapshot} onChoose={() => choose(snapshot)} />
          </li>
        ))}
      </ol>
      {chosen && <RollBackDialog snapshot={chosen} onClose={() => choose(null)} />}
    </section>
  );
}

function SnapshotItem({ snapshot, onChoose }: { snapshot: Snapshot; onChoose: () => void }) {
  const say = useStrings(strings);
  return (
    <>
      <p>
        <time
          dateTime={snapshot.created_at}
          title={new Date(snapshot.created_at).toLocaleString(language.value)}
        >
          {ageOf(snapshot.created_at, language.value)}
        </time>
        {snapshot.current && <span class="documents-state">{say.current}</span>}
      </p>
      <p class="documents-note">
        {say.counted(countOf(snapshot.documents, language.value), countOf(snapshot.chunks, language.value))},{" "}
        {sizeOf(snapshot.bytes, language.value)} <code>{snapshot.id}</code>
      </p>
      {!snapshot.current && (
        <Button kind="quiet" onClick={onChoose}>
          {say.back}
        </Button>
      )}
    </>
  );
}

function RollBackDialog({ snapshot, onClose }: { snapshot: Snapshot; onClose: () => void }) {
  const say = useStrings(strings);
  const [problem, setProblem] = useState<Problem | null>(null);
  const goBack = async () => {
    try {
      await goBackTo(snapshot);
      onClose();
      await Promise.all([loadSnapshots(), loadCollections(), reload()]);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <Dialog title={say.backTitle} onClose={onClose}>
      <p class="documents-words">{say.backWords(ageOf(snapshot.created_at, language.value))}</p>
      {problem && <ProblemNotice problem={problem} />}
      <div class="buttons">
        <Button kind="primary" onClick={() => void goBack()}>
          {say.doBack}
        </Button>
        <Button onClick={onClose}>{say.cancel}</Button>
      </div>
    </Dialog>
  );
}
