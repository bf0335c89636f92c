import { useEffect, useState } from "preact/hooks";
import type { SourceDocument } from "../api/bodies.ts";
import { getJson, withQuery } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { wordsFor } from "../api/words.ts";
import { useStrings } from "../language/language.ts";
import { Notice, ProblemNotice } from "../widgets/Notice.tsx";
import type { PdfPageProps } from "./PdfPage.tsx";
import { strings } from "./pdfPageStrings.ts";
import { piecesOf } from "./pieces.ts";

/** The text of a page in place of its picture, and why. */
export function PageText({
  documentId,
  collection,
  page,
  spans,
  problem,
}: PdfPageProps & { problem: Problem }) {
  const say = useStrings(strings);
  const [document, setDocument] = useState<SourceDocument | null>(null);
  const [failed, setFailed] = useState<Problem | null>(null);
  useEffect(() => {
    const asking = new AbortController();
    getJson<SourceDocument>(withQuery(`/v1/documents/${documentId}`, { collection }), asking.signal).then(
      setDocument,
      (error: unknown) => !asking.signal.aborted && setFailed(asProblem(error)),
    );
    return () => asking.abort();
  }, [documentId, collection]);
  const held = document?.pages.find(({ number }) => number === page);
  return (
    <>
      <Notice kind="warn">
        <p>{say.fallback}</p>
        <p>{say.reasons[problem.code] ?? wordsFor(problem)}</p>
      </Notice>
      {failed && <ProblemNotice problem={failed} />}
      {document && held && (
        <p class="pdf-page-text" lang={document.language}>
          {piecesOf(document.text, held, spans).map((piece) =>
            piece.marked ? <mark key={piece.start}>{piece.text}</mark> : piece.text,
          )}
        </p>
      )}
    </>
  );
}
