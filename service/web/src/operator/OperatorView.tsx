import { useStrings } from "../language/language.ts";
import { JobSection } from "./JobSection.tsx";
import { ReadinessSection } from "./ReadinessSection.tsx";
import { ReleaseSection } from "./ReleaseSection.tsx";
import { SnapshotSection } from "./SnapshotSection.tsx";
import { strings } from "./strings.ts";
import { TrafficSection } from "./TrafficSection.tsx";
import "./operator.css";

/** How the server is, and how its answers are. */
export default function OperatorView() {
  const say = useStrings(strings);
  return (
    <div class="view-column operator">
      <h1 class="view-title">{say.title}</h1>
      <ReadinessSection />
      <ReleaseSection />
      <TrafficSection />
      <SnapshotSection />
      <JobSection />
    </div>
  );
}
