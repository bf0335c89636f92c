import { useEffect, useId, useRef } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { strings } from "./strings.ts";

interface Written {
  correction: string;
  comment: string;
}

interface CorrectionFormProps {
  takesFocus: boolean;
  written: Written;
  onWrite: (written: Partial<Written>) => void;
  onSubmit: () => void;
  onCancel: () => void;
}

/** Asks for the answer that would have been right. */
export function CorrectionForm({ takesFocus, written, onWrite, onSubmit, onCancel }: CorrectionFormProps) {
  const say = useStrings(strings);
  const id = useId();
  const correction = useRef<HTMLTextAreaElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is taken once, when the form opens
  useEffect(() => {
    if (takesFocus) correction.current?.focus();
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form class="correction" onSubmit={submit}>
      <div class="field">
        <label for={`${id}-correction`}>{say.correctionLabel}</label>
        <textarea
          id={`${id}-correction`}
          rows={3}
          required
          ref={correction}
          value={written.correction}
          onInput={(event) => onWrite({ correction: event.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label for={`${id}-comment`}>{say.commentLabel}</label>
        <input
          id={`${id}-comment`}
          type="text"
          value={written.comment}
          onInput={(event) => onWrite({ comment: event.currentTarget.value })}
        />
      </div>
      <div class="buttons">
        <Button kind="primary" type="submit">
          {say.submit}
        </Button>
        <Button onClick={onCancel}>{say.cancel}</Button>
      </div>
    </form>
  );
}
