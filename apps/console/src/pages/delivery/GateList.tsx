import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Deployment, Gate } from "../../api/types.ts";
import { StateBadge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { bytes, count, day, duration, sentence, spaced } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Section } from "../../ui/Section.tsx";
import { Code } from "../../ui/Text.tsx";
import { OverrideWindowForm } from "./OverrideWindowForm.tsx";
import { WaiveForm } from "./WaiveForm.tsx";

function Took({ gate }: { gate: Gate }) {
  const now = useNow();
  if (!gate.startedAt) return null;
  return duration((gate.finishedAt ? Date.parse(gate.finishedAt) : now) - Date.parse(gate.startedAt));
}

const isBad = (gate: Gate): boolean => ["failed", "timed_out", "could_not_run"].includes(gate.status);
const mayBeWaived = (gate: Gate): boolean => gate.required && (isBad(gate) || gate.status === "pending");

type Figure = Gate["figures"][number];
const measured = (value: number, unit: Figure["unit"]): string =>
  unit === "bytes" ? bytes(value) : unit === "percent" ? `${Number(value.toFixed(2))} %` : count(value);

/** How much of what is allowed is used, or of what is asked for is there: only where a bar can show it. */
function Bar({ figure: f }: { figure: Figure }) {
  const whole = f.unit === "percent" ? 100 : f.limit;
  if (whole === null || whole <= 0 || f.unit === "count") return null;
  const at = (value: number): string => `${Math.min(100, (100 * value) / whole)}%`;
  return (
    <span aria-hidden className="relative mt-1 block h-1.5 w-full max-w-56 overflow-hidden rounded-full bg-sunken">
      <span className={`block h-full ${f.holds ? "bg-good" : "bg-bad"}`} style={{ width: at(f.value) }} />
      {f.limit !== null && f.unit === "percent" && (
        <span className="absolute top-0 h-full w-0.5 bg-ink" style={{ left: at(f.limit) }} />
      )}
    </span>
  );
}

function Figures({ gate }: { gate: Gate }) {
  if (gate.figures.length === 0) return null;
  return (
    <dl className="m-0 grid grid-cols-[repeat(auto-fill,minmax(11rem,1fr))] gap-x-6 gap-y-3">
      {gate.figures.map((f) => (
        <div key={f.name} className="min-w-0">
          <dt className="truncate text-xs text-muted">{sentence(f.name)}</dt>
          <dd className={`m-0 ${f.holds ? "" : "font-medium text-bad"}`}>
            {measured(f.value, f.unit)}
            {f.limit !== null && <span className="text-xs text-muted"> · limit {measured(f.limit, f.unit)}</span>}
            {!f.holds && <span className="text-xs"> · does not hold</span>}
            <Bar figure={f} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Body({ gate, onWaive }: { gate: Gate; onWaive: () => void }) {
  return (
    <div className="flex flex-col gap-3 px-4 pb-4">
      {aboutOf(gate) && <p className="m-0 text-xs text-muted sm:hidden">{sentence(aboutOf(gate))}</p>}
      {gate.words && <p className="m-0 text-soft">{gate.words}</p>}
      {gate.waiver && (
        <p className="m-0 rounded-md bg-warn-soft px-3 py-2 text-warn">
          Waived by {gate.waiver.by}{" "}
          {gate.waiver.until ? `until ${day(gate.waiver.until)}` : "for this deployment alone"}: {gate.waiver.reason}
        </p>
      )}
      <Figures gate={gate} />
      {gate.details.length > 0 && (
        <ul className="m-0 list-disc space-y-1 pl-5 text-soft" aria-label={`Details of ${gate.name}`}>
          {gate.details.map((line) => (
            <li key={line} className="break-words">
              {line}
            </li>
          ))}
        </ul>
      )}
      {gate.output && <Code label={`Output of ${gate.name}`}>{gate.output}</Code>}
      {!gate.output && !gate.words && <p className="m-0 text-muted">It has said nothing yet.</p>}
      {mayBeWaived(gate) && (
        <div>
          {gate.kind === "window" ? (
            <Button size="small" onClick={onWaive}>
              Let it out now…
            </Button>
          ) : (
            <Button size="small" onClick={onWaive} aria-label={`Waive ${gate.name}`}>
              Waive…
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

const aboutOf = (gate: Gate): string =>
  [
    gate.required ? "" : "not required",
    gate.kind === "command" ? "" : spaced(gate.kind),
    gate.owner ? `of ${gate.owner}` : "",
  ]
    .filter(Boolean)
    .join(", ");

/** Gates with what they found: one that failed or waits is open, the others open on request. The open one stands in the address. */
export function GateList({ deployment: { id, gates, service, environment } }: { deployment: Deployment }) {
  const { gate: chosen, waive } = useSearch({ from: "/shell/deployments/$deploymentId" });
  const navigate = useNavigate({ from: "/deployments/$deploymentId" });
  const open = chosen ?? gates.find((g) => isBad(g) || g.status === "pending")?.name;
  const waived = gates.find((g) => g.name === waive);
  const ask = (name: string | undefined): void =>
    void navigate({ search: (old) => ({ ...old, waive: name }), replace: name === undefined, resetScroll: false });
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
                  <span className="hidden min-w-0 truncate text-xs text-muted sm:inline">
                    {/* Opened, it says it below. */}
                    {[aboutOf(gate), open === gate.name ? "" : gate.words].filter(Boolean).join(": ")}
                  </span>
                  <span className="ml-auto text-xs text-muted">
                    <Took gate={gate} />
                  </span>
                </summary>
                <Body gate={gate} onWaive={() => ask(gate.name)} />
              </details>
            </li>
          ))}
        </ul>
      )}
      <Dialog
        open={waived?.kind === "window"}
        onClose={() => ask(undefined)}
        title="Let it out now?"
        description={`This deployment of ${service} to ${environment} waits for no window and no freeze any more. Others still do. It is kept in the ledger with your name.`}
      >
        {waived && <OverrideWindowForm deploymentId={id} onClose={() => ask(undefined)} />}
      </Dialog>
      <Dialog
        open={waived !== undefined && waived.kind !== "window"}
        onClose={() => ask(undefined)}
        title={`Waive “${waived?.name ?? ""}”?`}
        description={`Deployments of ${service} go on although this gate does not pass, until the day that you name. It is kept in the ledger with your name.`}
      >
        {waived && <WaiveForm service={service} gate={waived} onClose={() => ask(undefined)} />}
      </Dialog>
    </Section>
  );
}
