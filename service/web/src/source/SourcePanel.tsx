import { useEffect, useRef, useState } from "preact/hooks";
import type { SourceDocument } from "../api/bodies.ts";
import { getJson, withQuery } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { useStrings } from "../language/language.ts";
import { IconButton } from "../widgets/Button.tsx";
import { isComposing } from "../widgets/composing.ts";
import { Notice, ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import { DocumentText } from "./DocumentText.tsx";
import { documentOf } from "./layers.ts";
import { closeSource, type OpenedSource, openedSource } from "./opened.ts";
import { PdfPage } from "./PdfPage.tsx";
import { Place } from "./Place.tsx";
import { strings } from "./strings.ts";
import "./source.css";

/** The source that is open, beside the view; Escape closes it. */
export function SourcePanel() {
  const opened = openedSource.value;
  useEffect(() => {
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || isComposing(event)) return;
      const inDialog = document.querySelector("dialog[open]") !== null;
      if (!inDialog && openedSource.value) closeSource();
    };
    document.addEventListener("keydown", closeOnEscape);
    return () => document.removeEventListener("keydown", closeOnEscape);
  }, []);
  return opened && <Panel opened={opened} />;
}

function Panel({ opened }: { opened: OpenedSource }) {
  const say = useStrings(strings);
  const title = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another source is opened
  useEffect(() => title.current?.focus({ preventScroll: true }), [opened]);
  const kicker = opened.passage ? say.source(opened.passage.marker) : say.document;
  return (
    <aside class="source" aria-labelledby="source-title">
      <header class="source-head">
        <div>
          <p class="source-kicker">{`${kicker} · ${fileName(opened.uri)}`}</p>
          <h2 id="source-title" tabIndex={-1} ref={title}>
            {opened.title}
          </h2>
          {opened.passage && <Place passage={opened.passage} />}
        </div>
        <IconButton icon="close" label={say.close} onClick={closeSource} />
      </header>
      <Content opened={opened} />
    </aside>
  );
}

type Loaded = SourceDocument | Problem | null;

/** What the server says of a source: the document, why there is none, or nothing yet. */
function useDocument({ documentId, collection }: OpenedSource): Loaded {
  const [loaded, setLoaded] = useState<Loaded>(null);
  useEffect(() => {
    const stopping = new AbortController();
    const path = withQuery(`/v1/documents/${encodeURIComponent(documentId)}`, { collection });
    const show = (found: Loaded) => {
      if (!stopping.signal.aborted) setLoaded(found);
    };
    setLoaded(null);
    getJson<SourceDocument>(path, stopping.signal).then(show, (error: unknown) => show(asProblem(error)));
    return () => stopping.abort();
  }, [documentId, collection]);
  return loaded;
}

function Content({ opened }: { opened: OpenedSource }) {
  const say = useStrings(strings);
  const loaded = useDocument(opened);
  const [asPage, setAsPage] = useState(false);
  const { passage, quote } = opened;
  if (loaded === null) return <Waiting>{say.opening}</Waiting>;
  if (loaded instanceof Error) return <Gone opened={opened} problem={loaded} />;
  const hasPages = loaded.uri.toLowerCase().endsWith(".pdf") && loaded.pages.length > 0;
  return (
    <>
      {hasPages && <ModeSwitch asPage={asPage} onChange={setAsPage} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="source-scroll" tabIndex={0} aria-labelledby="source-title">
        {hasPages && asPage ? (
          <PdfPage
            documentId={opened.documentId}
            collection={opened.collection}
            page={passage?.page ?? 1}
            spans={quote ? [quote] : passage ? [passage] : []}
          />
        ) : (
          <DocumentText source={loaded} passage={passage} quote={quote} />
        )}
      </section>
    </>
  );
}

/** The passage as the answer holds it, where its document has changed or cannot be read. */
function Gone({ opened: { passage, quote }, problem }: { opened: OpenedSource; problem: Problem }) {
  const say = useStrings(strings);
  if (passage === null) return <ProblemNotice problem={problem} />;
  const moved = quote && { start: quote.start - passage.start, end: quote.end - passage.start };
  return (
    <>
      {problem.code === "document_not_found" ? (
        <Notice kind="warn">{say.changed}</Notice>
      ) : (
        <ProblemNotice problem={problem} />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="source-scroll" tabIndex={0} aria-labelledby="source-title">
        <DocumentText
          source={documentOf(passage)}
          passage={{ start: 0, end: passage.end - passage.start }}
          quote={moved}
        />
      </section>
    </>
  );
}

function ModeSwitch({ asPage, onChange }: { asPage: boolean; onChange: (asPage: boolean) => void }) {
  const say = useStrings(strings);
  return (
    <fieldset class="segments" aria-label={say.view}>
      {[false, true].map((page) => (
        <button
          key={String(page)}
          type="button"
          aria-pressed={asPage === page}
          onClick={() => onChange(page)}
        >
          {page ? say.asPage : say.asText}
        </button>
      ))}
    </fieldset>
  );
}

function fileName(uri: string): string {
  const last = uri.split("/").at(-1) ?? uri;
  try {
    return decodeURIComponent(last);
  } catch {
    return last; // a name with a bare percent sign
  }
}
