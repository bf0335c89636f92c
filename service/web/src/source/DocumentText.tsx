import { useEffect, useRef } from "preact/hooks";
import type { SourceDocument } from "../api/bodies.ts";
import { useStrings } from "../language/language.ts";
import { readable, type Stretch } from "./layers.ts";
import { markdown } from "./markdown.tsx";
import type { Span } from "./opened.ts";
import { strings } from "./strings.ts";

interface DocumentTextProps {
  source: SourceDocument;
  passage: Span | null;
  quote: Span | null;
}

/** The text of a document, with the passage that was read and the words that are quoted from it. */
export function DocumentText({ source, passage, quote }: DocumentTextProps) {
  const shown = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another source is shown at another place
  useEffect(() => {
    const target = shown.current?.querySelector("mark") ?? shown.current?.querySelector(".passage");
    target?.scrollIntoView({ block: "center", behavior: "instant" });
  }, [source, passage, quote]);
  const { stretches, beginsBefore, goesOn } = readable(source, passage, quote);
  const isMarkdown = /\.(md|markdown)$/i.test(source.uri);
  return (
    <div class="document" lang={source.language || undefined} ref={shown}>
      {beginsBefore && "…"}
      {stretches.map((stretch, number) => (
        <StretchText key={number} stretch={stretch} before={stretches[number - 1]} isMarkdown={isMarkdown} />
      ))}
      {goesOn && "…"}
    </div>
  );
}

interface StretchTextProps {
  stretch: Stretch;
  before: Stretch | undefined;
  isMarkdown: boolean;
}

function StretchText({ stretch, before, isMarkdown }: StretchTextProps) {
  const say = useStrings(strings);
  const { text, kind, page, isPassage, isQuote } = stretch;
  const classes = isPassage ? `${kind} passage` : kind;
  const content = isMarkdown && kind !== "code" ? markdown(text) : text;
  const begins = isQuote && !before?.isQuote;
  const ended = !isQuote && before?.isQuote;
  return (
    <>
      {page !== null && <span class="page">{say.page(page)}</span>}
      {begins && <span class="visually-hidden">{say.quoted}: </span>}
      {ended && <span class="visually-hidden"> {say.endQuoted}. </span>}
      {isQuote ? <mark class={classes}>{content}</mark> : <span class={classes}>{content}</span>}
    </>
  );
}
