import { signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import { useStrings } from "../language/language.ts";
import { openSource } from "../source/opened.ts";
import { Button, IconButton } from "../widgets/Button.tsx";
import { Dialog } from "../widgets/Dialog.tsx";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import type { ListedDocument } from "./bodies.ts";
import { deleteDocument, follow, jobs } from "./jobs.ts";
import { type Listing, listing, listingProblem, readMore } from "./listing.ts";
import { strings } from "./strings.ts";
import { groupsOf, isUpload, matches, nameOf } from "./words.ts";

/** The document that the reader is about to delete. */
const doomed = signal<ListedDocument | null>(null);

/** The documents of the collection that the reader may see. */
export function DocumentList() {
  const say = useStrings(strings);
  const [filter, setFilter] = useState("");
  const headingId = useId();
  const held = listing.value;
  return (
    <section class="documents-card" aria-labelledby={headingId}>
      <div class="documents-card-head">
        <h2 id={headingId}>{say.list}</h2>
        <input
          type="search"
          class="documents-filter"
          aria-label={say.filter}
          placeholder={say.filter}
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      {held === null && listingProblem.value === null && <Waiting>{say.loading}</Waiting>}
      {held !== null && <Matching held={held} filter={filter.trim()} />}
      {doomed.value && <DeleteDialog document={doomed.value} />}
    </section>
  );
}

function Matching({ held, filter }: { held: Listing; filter: string }) {
  const say = useStrings(strings);
  const shown = held.documents.filter((document) => matches(document, filter));
  return (
    <>
      {shown.length > 0 && <Table documents={shown} />}
      {held.documents.length === 0 && <p class="documents-none">{say.empty}</p>}
      {held.documents.length > 0 && shown.length === 0 && <p class="documents-none">{say.noMatch}</p>}
      <p class="documents-note" role="status" hidden={!filter}>
        {say.shown(shown.length, held.documents.length)}
      </p>
      {held.next !== null && <Button onClick={() => void readMore()}>{say.more}</Button>}
    </>
  );
}

function Table({ documents }: { documents: readonly ListedDocument[] }) {
  const say = useStrings(strings);
  return (
    <table class="documents-table">
      <thead>
        <tr>
          <th scope="col">{say.name}</th>
          <th scope="col">{say.access}</th>
          <th scope="col">{say.language}</th>
          <th scope="col" class="number">
            {say.pages}
          </th>
          <th scope="col" class="number">
            {say.passages}
          </th>
          <th scope="col">
            <span class="visually-hidden">{say.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {documents.map((document) => (
          <Row key={document.id} document={document} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ document }: { document: ListedDocument }) {
  const say = useStrings(strings);
  const name = nameOf(document.uri);
  const open = () =>
    openSource({
      documentId: document.id,
      collection: chosenCollection.value,
      title: document.title,
      uri: document.uri,
      passage: null,
      quote: null,
    });
  return (
    <tr>
      <th scope="row">
        <button type="button" class="documents-open" title={say.open(name)} onClick={open}>
          <span class="documents-name">{name}</span>
          {document.title !== name && <span class="documents-title">{document.title}</span>}
        </button>
      </th>
      <td>{groupsOf(document).join(", ") || say.everybody}</td>
      <td>{document.language}</td>
      <td class="number">{document.pages || "–"}</td>
      <td class="number">{document.chunks}</td>
      <td class="documents-action">
        {isUpload(document.uri) && jobs.value !== null && (
          <IconButton icon="trash" label={say.remove(name)} onClick={() => (doomed.value = document)} />
        )}
      </td>
    </tr>
  );
}

function DeleteDialog({ document }: { document: ListedDocument }) {
  const say = useStrings(strings);
  const [problem, setProblem] = useState<Problem | null>(null);
  const close = () => (doomed.value = null);
  const remove = async () => {
    try {
      const job = await deleteDocument(document.id);
      close();
      await follow(job);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <Dialog title={say.removeTitle} onClose={close}>
      <p class="documents-words">{say.removeWords(nameOf(document.uri))}</p>
      {problem && <ProblemNotice problem={problem} />}
      <div class="buttons">
        {/* First, because the first button has the focus. */}
        <Button onClick={close}>{say.cancel}</Button>
        <Button kind="danger" onClick={() => void remove()}>
          {say.doRemove}
        </Button>
      </div>
    </Dialog>
  );
}
