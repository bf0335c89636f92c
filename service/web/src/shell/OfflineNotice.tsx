import { signal } from "@preact/signals";
import { useStrings } from "../language/language.ts";
import { Notice } from "../widgets/Notice.tsx";
import { strings } from "./strings.ts";

const online = signal(navigator.onLine);

for (const change of ["online", "offline"]) {
  window.addEventListener(change, () => {
    online.value = navigator.onLine;
  });
}

/** Says that the browser has no connection, while it has none. */
export function OfflineNotice() {
  const say = useStrings(strings);
  return online.value ? null : <Notice kind="warn">{say.offline}</Notice>;
}
