import { useId, useRef, useState } from "preact/hooks";
import { language, useStrings } from "../language/language.ts";
import { Button, IconButton } from "../widgets/Button.tsx";
import { Icon } from "../widgets/Icon.tsx";
import { Notice, ProblemNotice } from "../widgets/Notice.tsx";
import { follow, jobsProblem } from "./jobs.ts";
import {
  acl,
  files,
  leaveOut,
  nameGroups,
  outboxProblem,
  sendAll,
  share,
  stopSending,
  takeFiles,
} from "./outbox.ts";
import { strings } from "./strings.ts";
import { sizeOf } from "./words.ts";

/** Takes files, by button or dropped, and sends them; or says why that cannot be. */
export function UploadForm() {
  const say = useStrings(strings);
  const headingId = useId();
  const status = jobsProblem.value?.status;
  return (
    <section class="documents-card" aria-labelledby={headingId}>
      <h2 id={headingId}>{say.add}</h2>
      {status === 403 && <Notice kind="info">{say.mayNotAdd}</Notice>}
      {status === 404 && <Notice kind="info">{say.cannotAdd}</Notice>}
      {status !== 403 && status !== 404 && <Outbox />}
    </section>
  );
}

function Outbox() {
  const say = useStrings(strings);
  const [over, setOver] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const job = await sendAll();
    if (job !== null) await follow(job);
  };
  const dragOver = (event: DragEvent) => {
    event.preventDefault(); // or the browser opens what is dropped
    setOver(true);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    takeFiles(event.dataTransfer?.files ?? []);
  };
  return (
    <form
      class={over ? "documents-form over" : "documents-form"}
      onSubmit={submit}
      onDragOver={dragOver}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <DropZone />
      {files.value.length > 0 && <Chosen />}
      {outboxProblem.value && <ProblemNotice problem={outboxProblem.value} />}
      {share.value !== null && <Sending share={share.value} />}
      {share.value === null && files.value.length > 0 && (
        <Button kind="primary" type="submit" icon="upload">
          {outboxProblem.value ? say.again : say.send}
        </Button>
      )}
    </form>
  );
}

function DropZone() {
  const say = useStrings(strings);
  const input = useRef<HTMLInputElement>(null);
  const choose = (event: Event & { currentTarget: HTMLInputElement }) => {
    takeFiles(event.currentTarget.files ?? []);
    event.currentTarget.value = ""; // the same file can be chosen again
  };
  return (
    <div class="documents-drop">
      <Icon name="upload" />
      <p>
        {say.drop}{" "}
        <button type="button" class="documents-choose" onClick={() => input.current?.click()}>
          {say.choose}
        </button>
      </p>
      <p class="documents-note">{say.dropNote}</p>
      <input ref={input} id="files" type="file" multiple hidden onChange={choose} />
    </div>
  );
}

function Chosen() {
  const say = useStrings(strings);
  const size = files.value.reduce((sum, file) => sum + file.size, 0);
  const busy = share.value !== null;
  return (
    <>
      <p class="documents-note">{say.chosen(files.value.length, sizeOf(size, language.value))}</p>
      <ul class="documents-files">
        {files.value.map((file) => (
          <li key={file.name}>
            <span class="documents-name">{file.name}</span>
            <span class="documents-note">{sizeOf(file.size, language.value)}</span>
            <IconButton
              icon="close"
              label={say.unchoose(file.name)}
              disabled={busy}
              onClick={() => leaveOut(file.name)}
            />
          </li>
        ))}
      </ul>
      <div class="field">
        <label for="acl">{say.acl}</label>
        <input
          id="acl"
          value={acl.value}
          disabled={busy}
          autocomplete="off"
          aria-describedby="acl-note"
          onInput={(event) => nameGroups(event.currentTarget.value)}
        />
        <p class="field-note" id="acl-note">
          {say.aclNote}
        </p>
      </div>
    </>
  );
}

function Sending({ share }: { share: number }) {
  const say = useStrings(strings);
  const words = say.sending(Math.round(share * 100));
  return (
    <div class="documents-sending">
      <p>{words}</p>
      <progress aria-label={words} value={share} max={1} />
      <Button onClick={stopSending}>{say.stopSending}</Button>
    </div>
  );
}
