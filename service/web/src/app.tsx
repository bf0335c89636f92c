import { useEffect } from "preact/hooks";
import { collections, loadCollections } from "./collection/chosen.ts";
import { language, useStrings } from "./language/language.ts";
import { address } from "./navigation/navigation.ts";
import { Header } from "./shell/Header.tsx";
import { KeyDialog } from "./shell/KeyDialog.tsx";
import { OfflineNotice } from "./shell/OfflineNotice.tsx";
import { strings } from "./shell/strings.ts";
import { openedSource } from "./source/opened.ts";
import { SourcePanel } from "./source/SourcePanel.tsx";
import { type View, viewAt } from "./views.ts";
import { announcement } from "./widgets/announce.ts";
import "./shell/shell.css";

export function App() {
  const say = useStrings(strings);
  const view = viewAt(address.value.pathname);
  const title = `${view.name[language.value]} · Troika`;
  useCollections(view);
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <div class="frame">
      <a class="skip" href="#content">
        {say.skip}
      </a>
      <Header shown={view} />
      <OfflineNotice />
      <div class={openedSource.value ? "workspace with-source" : "workspace"}>
        <main id="content" class="view" tabIndex={-1}>
          <view.Component key={view.path} />
        </main>
        <SourcePanel />
      </div>
      <KeyDialog />
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </div>
  );
}

/** Read which collections there are: first of all, for each view while it is not known, and when back online. */
function useCollections(view: View): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another view is another reason to try again
  useEffect(() => {
    if (collections.value === null) void loadCollections();
  }, [view]);
  useEffect(() => {
    const load = () => void loadCollections();
    window.addEventListener("online", load);
    return () => window.removeEventListener("online", load);
  }, []);
}
