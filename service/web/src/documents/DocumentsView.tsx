import { useEffect } from "preact/hooks";
import { chosenCollection, collection, collectionsProblem } from "../collection/chosen.ts";
import { language, useStrings } from "../language/language.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import { DocumentList } from "./DocumentList.tsx";
import { JobList } from "./JobList.tsx";
import { resetJobs, stopWatching } from "./jobs.ts";
import { listingProblem, reset } from "./listing.ts";
import { SnapshotList } from "./SnapshotList.tsx";
import { loadSnapshots, snapshots } from "./snapshots.ts";
import { strings } from "./strings.ts";
import { UploadForm } from "./UploadForm.tsx";
import { ageOf, countOf } from "./words.ts";
import "./documents.css";

/** What the chosen collection holds, and how that is changed. */
export default function DocumentsView() {
  const name = chosenCollection.value;
  return name ? <Holdings key={name} /> : <Unknown />;
}

/** Before it is known which collections there are. */
function Unknown() {
  const say = useStrings(strings);
  const problem = collectionsProblem.value;
  return (
    <div class="documents-frame">
      <div class="documents">
        <header class="documents-head">
          <h1>{say.title}</h1>
        </header>
        {problem ? <ProblemNotice problem={problem} /> : <Waiting>{say.loading}</Waiting>}
      </div>
    </div>
  );
}

function Holdings() {
  const say = useStrings(strings);
  useEffect(() => {
    void reset();
    void loadSnapshots();
    void resetJobs();
    return stopWatching;
  }, []);
  return (
    <div class="documents-frame">
      <div class="documents">
        <header class="documents-head">
          <h1>{say.title}</h1>
          <Summary />
        </header>
        <div class="documents-main">
          {listingProblem.value && <ProblemNotice problem={listingProblem.value} />}
          <DocumentList />
        </div>
        <div class="documents-side">
          <UploadForm />
          <JobList />
          <SnapshotList />
        </div>
      </div>
    </div>
  );
}

/** How much there is, and since when. */
function Summary() {
  const say = useStrings(strings);
  const shown = collection.value;
  if (shown === null) return <p class="documents-summary">{say.noCollection}</p>;
  const current = snapshots.value.find((snapshot) => snapshot.current);
  return (
    <p class="documents-summary">
      <strong>{shown.name}</strong>
      {shown.documents !== null && shown.chunks !== null && (
        <span>
          {say.counted(countOf(shown.documents, language.value), countOf(shown.chunks, language.value))}
        </span>
      )}
      {current && <span>{say.published(ageOf(current.created_at, language.value))}</span>}
      <span>
        {say.snapshot} <code>{shown.snapshot}</code>
      </span>
    </p>
  );
}
