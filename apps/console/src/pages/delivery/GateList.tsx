import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Gate } from "../../api/types.ts";
import { StateBadge } from "../../ui/Badge.tsx";
import { duration } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Section } from "../../ui/Section.tsx";
import { Code } from "../../ui/Text.tsx";

function Took({ gate }: { gate: Gate }) {
  const now = useNow();
  if (!gate.startedAt) return null;
  return duration((gate.finishedAt ? Date.parse(gate.finishedAt) : now) - Date.parse(gate.startedAt));
}

const isBad = (gate: Gate): boolean => ["failed", "timed_out", "could_not_run"].includes(gate.status);

/** Gates with their output: a failed one is open, the others open on request. The open one stands in the address. */
export function GateList({ gates }: { gates: readonly Gate[] }) {
  const { gate: chosen } = useSearch({ from: "/shell/deployments/$deploymentId" });
  const navigate = useNavigate({ from: "/deployments/$deploymentId" });
  const open = chosen ?? gates.find(isBad)?.name;
  return (
    <Section title="Gates" flush>
      {gates.length === 0 ? (
        <p className="m-0 px-4 py-3 text-muted">No gate has run: none is configured, or the build was not that far.</p>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {gates.map((gate) => (
            <li key={gate.name}>
              <details
                open={open === gate.name}
                onToggle={(event) => {
                  const isOpen = event.currentTarget.open;
                  if (isOpen === (open === gate.name)) return;
                  void navigate({
                    search: (old) => ({ ...old, gate: isOpen ? gate.name : undefined }),
                    replace: true,
                    resetScroll: false,
                  });
                }}
              >
                <summary className="flex items-center gap-3 px-4 py-2.5 hover:bg-hover">
                  <StateBadge state={gate.status} />
                  <span className="font-medium">{gate.name}</span>
                  {!gate.required && <span className="text-xs text-muted">not required</span>}
                  <span className="ml-auto text-xs text-muted">
                    <Took gate={gate} />
                  </span>
                </summary>
                <div className="px-4 pb-4">
                  {gate.output ? (
                    <Code label={`Output of ${gate.name}`}>{gate.output}</Code>
                  ) : (
                    <p className="m-0 text-muted">It has said nothing yet.</p>
                  )}
                </div>
              </details>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
