import { useEffect, useId, useRef } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { strings } from "./strings.ts";

interface CorrectionFormProps {
  onSubmit: (correction: string, comment: string) => void;
  onCancel: () => void;
}

/** Asks for the answer that would have been right. */
export function CorrectionForm({ onSubmit, onCancel }: CorrectionFormProps) {
  const say = useStrings(strings);
  const id = useId();
  const correction = useRef<HTMLTextAreaElement>(null);
  const comment = useRef<HTMLInputElement>(null);
  useEffect(() => correction.current?.focus(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onSubmit(correction.current?.value ?? "", comment.current?.value ?? "");
  };
  return (
    <form class="correction" onSubmit={submit}>
      <div class="field">
        <label for={`${id}-correction`}>{say.correctionLabel}</label>
        <textarea id={`${id}-correction`} rows={3} required ref={correction} />
      </div>
      <div class="field">
        <label for={`${id}-comment`}>{say.commentLabel}</label>
        <input id={`${id}-comment`} type="text" ref={comment} />
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
