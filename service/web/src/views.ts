// The views of the page: where each is, what it is called, and the code that it is loaded with.

import type { ComponentType } from "preact";
import type { Strings } from "./language/language.ts";
import { lazy } from "./shell/lazy.tsx";

export interface View {
  path: string;
  name: Strings<string>;
  Component: ComponentType;
}

export const VIEWS: readonly View[] = [
  { path: "/", name: { en: "Ask", zh: "提问" }, Component: lazy(() => import("./ask/AskView.tsx")) },
  {
    path: "/documents",
    name: { en: "Documents", zh: "文档" },
    Component: lazy(() => import("./documents/DocumentsView.tsx")),
  },
  {
    path: "/compare",
    name: { en: "Compare", zh: "对比" },
    Component: lazy(() => import("./compare/CompareView.tsx")),
  },
  {
    path: "/operator",
    name: { en: "Operations", zh: "运维" },
    Component: lazy(() => import("./operator/OperatorView.tsx")),
  },
];

/** The view at `path`; what is not one is the first. */
export function viewAt(path: string): View {
  const found = VIEWS.find((view) => view.path === path) ?? VIEWS[0];
  if (found === undefined) throw new Error("there are no views");
  return found;
}
