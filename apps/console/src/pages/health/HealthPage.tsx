import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleDot } from "lucide-react";
import { queries } from "../../api/queries.ts";
import type { HealthView } from "../../api/types.ts";
import { Badge, type Tone } from "../../ui/Badge.tsx";
import { plural } from "../../ui/format.ts";
import { PageHead, Section } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Ago } from "../../ui/Text.tsx";
import { FigureRow } from "./FigureRow.tsx";
import { Gateways } from "./Gateways.tsx";

type Pressure = HealthView["state"];
type Group = HealthView["figures"][number]["group"];

const GROUPS: readonly (readonly [Group, string])[] = [
  ["server", "This server"],
  ["database", "Database"],
  ["clients", "Who asks"],
];
const TONES: Readonly<Record<Pressure, Tone>> = { fine: "good", busy: "warn", full: "bad" };
const WORDS: Readonly<Record<Pressure, string>> = { fine: "Fine", busy: "Busy", full: "At its limit" };
const ICONS = { fine: CircleCheck, busy: CircleDot, full: CircleAlert } as const;

/** The judgement in a word; shape and words say it, not the colour alone. */
export function PressureBadge({ state }: { state: Pressure }) {
  const Icon = ICONS[state];
  return (
    <Badge tone={TONES[state]} icon={<Icon size={12} aria-hidden />}>
      {WORDS[state]}
    </Badge>
  );
}

/** What one reads first: whether there is anything to do. */
function lead(health: HealthView): string {
  const asking = health.figures.filter((f) => f.state !== "fine");
  const decider = health.lease?.live
    ? `${health.lease.heldHere ? "This server" : "Another server"} decides about rollouts.`
    : "No server decides about rollouts right now.";
  if (asking.length === 0) return `Nothing is near its limit. ${decider}`;
  return `${plural(asking.length, "figure")} to look at: ${asking.map((f) => f.label.toLowerCase()).join(", ")}. ${decider}`;
}

function Figures({ health }: { health: HealthView }) {
  return GROUPS.map(([group, title]) => (
    <Section key={group} title={title} flush>
      <ul className="m-0 list-none divide-y divide-line p-0">
        {health.figures
          .filter((f) => f.group === group)
          .map((f) => (
            <FigureRow key={f.key} figure={f} everyS={health.everyS} badge={<PressureBadge state={f.state} />} />
          ))}
      </ul>
    </Section>
  ));
}

export function HealthPage() {
  const health = useQuery(queries.health());
  const system = useQuery(queries.system());
  return (
    <>
      <PageHead
        title="Health"
        badge={health.data && <PressureBadge state={health.data.state} />}
        lead={health.data && lead(health.data)}
      />
      {/* Said once when it changes, not with every look. */}
      <p role="status" className="sr-only">
        {health.data && `${WORDS[health.data.state]}.`}
      </p>
      {health.data && health.error && (
        <p role="alert" className="m-0 mb-4 rounded-md border border-line bg-warn-soft px-3 py-2 text-warn">
          The server does not answer. These are its figures from <Ago at={health.data.at} />; it is asked again.
        </p>
      )}
      <div className="flex flex-col gap-6">
        {health.data ? (
          <Figures health={health.data} />
        ) : (
          <Section title="This server" flush>
            {health.error ? (
              <ErrorPanel error={health.error} retry={() => void health.refetch()} />
            ) : (
              <Skeleton rows={6} />
            )}
          </Section>
        )}
        {system.data && <Gateways system={system.data} />}
      </div>
    </>
  );
}
