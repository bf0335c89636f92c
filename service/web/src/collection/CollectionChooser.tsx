import { useId } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { strings } from "../shell/strings.ts";
import { chosenCollection, collections } from "./chosen.ts";

/** Which collection is asked; nothing to choose where there is one. */
export function CollectionChooser() {
  const say = useStrings(strings);
  const id = useId();
  const names = (collections.value ?? []).map(({ name }) => name);
  if (names.length < 2) return null;
  return (
    <div class="collection">
      <label for={id} class="visually-hidden">
        {say.collection}
      </label>
      <select
        id={id}
        class="select"
        value={chosenCollection.value}
        onChange={(event) => {
          chosenCollection.value = event.currentTarget.value;
        }}
      >
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
