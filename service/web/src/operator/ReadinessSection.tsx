import { useStrings } from "../language/language.ts";
import { Icon } from "../widgets/Icon.tsx";
import type { Readiness } from "./bodies.ts";
import { useReadiness } from "./loading.ts";
import { Section } from "./Section.tsx";
import { strings } from "./strings.ts";

type Check = Readiness["checks"][string];

/** Whether questions can be answered, with each thing that answers depend on. */
export function ReadinessSection() {
  const say = useStrings(strings);
  return (
    <Section title={say.readiness} loaded={useReadiness()}>
      {({ status, checks }) => (
        <>
          <p class={`operator-status ${status}`}>
            <Icon name={status === "ready" ? "check" : "warning"} />
            {say.status[status]}
          </p>
          <dl class="checks">
            {Object.entries(checks).map(([name, check]) => (
              <div key={name} class="check">
                <dt>{say.checks[name] ?? name}</dt>
                <dd>
                  <State check={check} /> {check.detail}
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </Section>
  );
}

function State({ check }: { check: Check }) {
  const say = useStrings(strings);
  const state = check.ok ? "ok" : check.required === false ? "degraded" : "failed";
  return <span class={`state ${state}`}>{say.check[state]}</span>;
}
