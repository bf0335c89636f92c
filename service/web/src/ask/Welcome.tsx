import { useEffect, useState } from "preact/hooks";
import type { ListedDocument } from "../api/bodies.ts";
import { getJson, withQuery } from "../api/client.ts";
import { chosenCollection, collection, collections, collectionsProblem } from "../collection/chosen.ts";
import { useStrings } from "../language/language.ts";
import { Link } from "../navigation/Link.tsx";
import { openSource } from "../source/opened.ts";
import { Icon } from "../widgets/Icon.tsx";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { strings } from "./strings.ts";

const SHOWN = 6;

/** What can be asked here: what the chosen collection holds. */
export function Welcome() {
  const say = useStrings(strings);
  const found = collection.value;
  return (
    <section class="welcome">
      <h1>{say.welcomeTitle}</h1>
      <p>{say.welcomeText}</p>
      {found && found.documents !== null && (
        <p class="holdings">{say.holdings(found.documents, found.chunks ?? 0)}</p>
      )}
      {found && <SomeDocuments name={found.name} snapshot={found.snapshot} />}
      {collections.value && !found && <p class="holdings">{say.nothingYet}</p>}
      {collectionsProblem.value && <ProblemNotice problem={collectionsProblem.value} />}
    </section>
  );
}

/** The first documents of a collection. That they cannot be listed is no reason to say so before a question. */
function SomeDocuments({ name, snapshot }: { name: string; snapshot: string }) {
  const say = useStrings(strings);
  const [documents, setDocuments] = useState<readonly ListedDocument[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another snapshot holds other documents
  useEffect(() => {
    const stopping = new AbortController();
    const path = withQuery("/v1/documents", { collection: name, limit: SHOWN });
    getJson<{ documents: ListedDocument[] }>(path, stopping.signal).then(
      (listed) => setDocuments(listed.documents),
      () => setDocuments([]),
    );
    return () => stopping.abort();
  }, [name, snapshot]);
  if (documents.length === 0) return null;
  return (
    <div class="among">
      <h2 class="label">{say.among}</h2>
      <ul>
        {documents.map((listed) => (
          <li key={listed.id}>
            <button type="button" class="among-document" onClick={() => open(listed)}>
              <Icon name="document" />
              <span lang={listed.language}>{listed.title}</span>
            </button>
          </li>
        ))}
      </ul>
      <Link to="/documents">{say.allDocuments}</Link>
    </div>
  );
}

function open({ id, title, uri }: ListedDocument): void {
  const name = chosenCollection.value;
  openSource({ documentId: id, collection: name, title, uri, passage: null, quote: null });
}
