import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem.ts";
import { wordsFor } from "../api/words.ts";
import { useStrings } from "../language/language.ts";
import { Icon } from "./Icon.tsx";
import { strings } from "./strings.ts";
import "./widgets.css";

interface NoticeProps {
  kind: "info" | "warn" | "bad";
  children: ComponentChildren;
}

/** Something the reader should know, beside what it is about. */
export function Notice({ kind, children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <Icon name={kind === "info" ? "info" : "warning"} />
      <div>{children}</div>
    </div>
  );
}

/** What went wrong, and what helps. */
export function ProblemNotice({ problem }: { problem: Problem }) {
  const say = useStrings(strings);
  return (
    <Notice kind="bad">
      <strong>{say.failed}</strong>
      <p>{wordsFor(problem)}</p>
    </Notice>
  );
}
