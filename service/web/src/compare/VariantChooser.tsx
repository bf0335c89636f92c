import { useId } from "preact/hooks";
import { collections } from "../collection/chosen.ts";
import { useStrings } from "../language/language.ts";
import { strings } from "./strings.ts";
import type { Variant } from "./verdicts.ts";

interface VariantChooserProps {
  title: string;
  variant: Variant;
  releases: readonly string[];
  onChoose: (variant: Variant) => void;
}

/** Which release answers, and from which collection where there are several. */
export function VariantChooser({ title, variant, releases, onChoose }: VariantChooserProps) {
  const say = useStrings(strings);
  const [releaseId, collectionId] = [useId(), useId()];
  const names = (collections.value ?? []).map(({ name }) => name);
  return (
    <fieldset class="variant">
      <legend>{title}</legend>
      <div class="field">
        <label for={releaseId}>{say.release}</label>
        <select
          id={releaseId}
          value={variant.release ?? ""}
          onChange={(event) => onChoose({ ...variant, release: event.currentTarget.value || null })}
        >
          <option value="">{say.served}</option>
          {releases.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </div>
      {names.length > 1 && (
        <div class="field">
          <label for={collectionId}>{say.collection}</label>
          <select
            id={collectionId}
            value={variant.collection}
            onChange={(event) => onChoose({ ...variant, collection: event.currentTarget.value })}
          >
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
    </fieldset>
  );
}
