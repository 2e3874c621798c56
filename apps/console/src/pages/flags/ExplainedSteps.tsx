import type { Answer } from "@latchkey/api/client";

/** Why somebody gets what they get: each rule that does not hold, and the one that does. */
export function ExplainedSteps({ steps }: { steps: Answer<"explainFlag">["steps"] }) {
  return (
    <ol className="m-0 mt-1 flex list-none flex-col gap-1 p-0 text-sm">
      {steps.map((step, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no other identity.
        <li key={i} className={`border-l-2 pl-3 ${step.matched ? "border-good" : "border-line text-soft"}`}>
          {step.words}
        </li>
      ))}
    </ol>
  );
}
