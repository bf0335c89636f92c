import { useState } from "preact/hooks";
import { giveKey, keyWanted } from "../api/key.ts";
import { loadCollections } from "../collection/chosen.ts";
import { useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { Dialog } from "../widgets/Dialog.tsx";
import { Notice } from "../widgets/Notice.tsx";
import { strings } from "./strings.ts";

/** Asks for an API key whenever a request needs one. */
export function KeyDialog() {
  return keyWanted.value && <KeyForm refused={keyWanted.value.refused} />;
}

function KeyForm({ refused }: { refused: boolean }) {
  const say = useStrings(strings);
  const [key, setKey] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    giveKey(key.trim());
    void loadCollections(); // another key may see others, or the first that may see any
  };
  return (
    <Dialog title={say.keyTitle} onClose={() => giveKey(null)}>
      <form onSubmit={submit}>
        {refused && <Notice kind="bad">{say.keyRefused}</Notice>}
        <div class="field">
          <label for="api-key">{say.keyLabel}</label>
          <input
            id="api-key"
            type="password"
            autocomplete="off"
            required
            value={key}
            aria-describedby="api-key-note"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
          <p class="field-note" id="api-key-note">
            {say.keyText}
          </p>
        </div>
        <div class="buttons">
          <Button kind="primary" type="submit">
            {say.keySend}
          </Button>
          <Button onClick={() => giveKey(null)}>{say.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}
