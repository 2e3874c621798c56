import type { SystemView } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";
import { bytes } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Ago, Mono } from "../../ui/Text.tsx";

/** Each gateway by name: whether it lives, and whether it has the newest routing. */
export function Gateways({ system: s }: { system: SystemView }) {
  return (
    <Section title="Gateways" note={`the newest routing is generation ${s.generation.epoch}.${s.generation.n}`} flush>
      {s.gateways.length === 0 ? (
        <p className="m-0 px-4 py-3 text-muted">None has called in. Without a gateway there is no traffic to judge.</p>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {s.gateways.map((g) => {
            const fresh = g.applied.epoch === s.generation.epoch && g.applied.n >= s.generation.n;
            return (
              <li key={g.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
                <Mono className="min-w-0 flex-1 basis-40 break-all">{g.id}</Mono>
                <Badge tone={!g.live ? "bad" : fresh ? "good" : "warn"}>
                  {!g.live ? "not seen lately" : fresh ? "up to date" : `behind, at ${g.applied.epoch}.${g.applied.n}`}
                </Badge>
                <span className="text-xs text-muted">
                  {bytes(g.residentBytes)}, seen <Ago at={g.seenAt} />
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}
