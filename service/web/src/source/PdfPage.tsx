import { useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { useStrings } from "../language/language.ts";
import { IconButton } from "../widgets/Button.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import type { Span } from "./opened.ts";
import { PageText } from "./PageText.tsx";
import { strings } from "./pdfPageStrings.ts";
import { drawPage, findBoxes, type Picture } from "./pdfPicture.ts";
import { type Box, styleOf, widthFor } from "./pdfSheet.ts";
import "./pdfPage.css";

const ZOOMS = [1, 1.5, 2, 3] as const;

/** About how wide a page is shown, in CSS pixels. */
const PANEL_WIDTH = 640;

export interface PdfPageProps {
  documentId: string;
  collection: string;
  /** The page to begin with, from 1. */
  page: number;
  /** What is marked, by its place in the document's text. */
  spans: readonly Span[];
}

/** A page of a PDF as it looks, with the lines marked on it that hold what is quoted. */
export function PdfPage(props: PdfPageProps) {
  // Another document, page or quote begins anew.
  return <Sheets key={JSON.stringify(props)} {...props} />;
}

function Sheets({ documentId, collection, page, spans }: PdfPageProps) {
  const [turnedTo, turnTo] = useState<number | null>(null);
  const [zoom, setZoom] = useState<number>(ZOOMS[0]);
  const boxes = useBoxes(documentId, collection, spans);
  // A passage may begin on the page before the one that holds its quote.
  const shown = turnedTo ?? boxes?.[0]?.page ?? page;
  const wide = zoom * PANEL_WIDTH * window.devicePixelRatio;
  const { picture, problem } = usePicture(documentId, collection, boxes && shown, widthFor(wide));
  const say = useStrings(strings);
  const words = say.page(shown, picture?.pages ?? null);
  const here = (boxes ?? []).filter((box) => box.page === shown);
  return (
    <div class="pdf-page">
      <div class="pdf-page-bar">
        <Turning shown={shown} pages={picture?.pages ?? shown} words={words} onTurn={turnTo} />
        {here.length === 0 && boxes?.[0] && (
          <IconButton icon="quote" label={say.toQuote} onClick={() => turnTo(null)} />
        )}
        <Zooming zoom={zoom} onZoom={setZoom} />
      </div>
      {problem && <PageText problem={problem} {...{ documentId, collection, page: shown, spans }} />}
      <section
        class="pdf-page-frame"
        aria-label={say.sheet}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        hidden={problem !== null}
      >
        {picture === null && <Waiting>{say.drawing}</Waiting>}
        {picture && <Sheet picture={picture} boxes={here} zoom={zoom} words={words} />}
      </section>
    </div>
  );
}

interface SheetProps {
  picture: Picture;
  boxes: readonly Box[];
  zoom: number;
  words: string;
}

function Sheet({ picture, boxes, zoom, words }: SheetProps) {
  const say = useStrings(strings);
  const first = useRef<HTMLElement>(null);
  const [loaded, setLoaded] = useState(false);
  useEffect(() => {
    if (loaded) first.current?.scrollIntoView({ block: "center", inline: "nearest" });
  }, [loaded]);
  return (
    <div class="pdf-page-sheet" style={{ width: `${zoom * 100}%` }}>
      <img src={picture.address} alt={say.picture(words, boxes.length)} onLoad={() => setLoaded(true)} />
      {boxes.map((box, index) => (
        <mark key={box.start} ref={index ? null : first} style={styleOf(box)} />
      ))}
    </div>
  );
}

interface TurningProps {
  shown: number;
  pages: number;
  words: string;
  onTurn: (page: number) => void;
}

function Turning({ shown, pages, words, onTurn }: TurningProps) {
  const say = useStrings(strings);
  return (
    <>
      <IconButton icon="left" label={say.previous} disabled={shown <= 1} onClick={() => onTurn(shown - 1)} />
      <span role="status">{words}</span>
      <IconButton icon="right" label={say.next} disabled={shown >= pages} onClick={() => onTurn(shown + 1)} />
    </>
  );
}

function Zooming({ zoom, onZoom }: { zoom: number; onZoom: (zoom: number) => void }) {
  const say = useStrings(strings);
  const larger = ZOOMS.find((step) => step > zoom);
  const smaller = ZOOMS.findLast((step) => step < zoom);
  return (
    <span class="pdf-page-zoom">
      <button
        type="button"
        class="icon-button"
        aria-label={say.smaller}
        title={say.smaller}
        disabled={smaller === undefined}
        onClick={() => onZoom(smaller ?? zoom)}
      >
        −
      </button>
      <span>{Math.round(zoom * 100)} %</span>
      <IconButton
        icon="plus"
        label={say.larger}
        disabled={larger === undefined}
        onClick={() => onZoom(larger ?? zoom)}
      />
    </span>
  );
}

/** The picture of a page, once it is known which; while another width of it comes, the one before stays. */
function usePicture(documentId: string, collection: string, page: number | null, width: number) {
  const [drawn, setDrawn] = useState<{ page: number; picture: Picture } | null>(null);
  const [failed, setFailed] = useState<{ page: number; problem: Problem } | null>(null);
  useEffect(() => {
    if (page === null) return;
    const asking = new AbortController();
    let address = "";
    drawPage(documentId, { collection, width }, page, asking.signal).then(
      (picture) => {
        address = picture.address;
        setDrawn({ page, picture });
        setFailed(null);
      },
      (error: unknown) => {
        if (!asking.signal.aborted) setFailed({ page, problem: asProblem(error) });
      },
    );
    return () => {
      asking.abort();
      if (address) URL.revokeObjectURL(address);
    };
  }, [documentId, collection, page, width]);
  return {
    picture: drawn?.page === page ? drawn.picture : null,
    problem: failed?.page === page ? failed.problem : null,
  };
}

/** Where the spans stand; null while that is asked, none where it is not known. */
function useBoxes(documentId: string, collection: string, spans: readonly Span[]): readonly Box[] | null {
  const [boxes, setBoxes] = useState<readonly Box[] | null>(null);
  const wanted = JSON.stringify(spans);
  useEffect(() => {
    const asking = new AbortController();
    // Without its marks the page is still worth showing; that it can be is told by its picture.
    findBoxes(documentId, collection, JSON.parse(wanted), asking.signal).then(setBoxes, () => {
      if (!asking.signal.aborted) setBoxes([]);
    });
    return () => asking.abort();
  }, [documentId, collection, wanted]);
  return boxes;
}
