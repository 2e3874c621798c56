import { evidenceSvg } from "@latchkey/core/analysis/evidence-svg";
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX } from "lucide-react";
import { queries } from "../../api/queries.ts";
import type { Explanation } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { download } from "../../ui/csv.ts";
import { count, moment, sentence, shortHash } from "../../ui/format.ts";
import { Facts } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { CopyButton, Mono } from "../../ui/Text.tsx";
import { METRIC_WORDS } from "../../words.ts";
import { headline } from "./rollout-words.ts";

/** Replays the recorded evidence through the decider, and says whether it comes to the same. */
export function ExplainPanel({ rolloutId }: { rolloutId: string }) {
  const q = useQuery({ ...queries.explanation(rolloutId), staleTime: 0 });
  if (q.error) return <ErrorPanel error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Skeleton rows={4} />;
  return <Explained of={q.data} />;
}

function Check({ ok, good, bad }: { ok: boolean; good: string; bad: string }) {
  return (
    <p className={`m-0 flex items-center gap-2 font-medium ${ok ? "text-good" : "text-bad"}`}>
      {ok ? <CircleCheck size={16} aria-hidden /> : <CircleX size={16} aria-hidden />}
      {ok ? good : bad}
    </p>
  );
}

/** The explanation for others: its address, the picture, and the data that both are made of. */
function ShareButtons({ of: e }: { of: Explanation }) {
  const rollout = useQuery(queries.rollout(e.rolloutId));
  const looks = useQuery(queries.looks(e.rolloutId));
  const r = rollout.data;
  const rows = looks.data?.items;
  const picture = (): void => {
    if (!r || !rows) return;
    const began = Date.parse(r.startedAt);
    const svg = evidenceSvg({
      title: headline(r),
      words: r.report?.reasons ?? [],
      effects: (r.report?.metrics ?? []).flatMap((m) => (m.effect?.words ? [m.effect.words] : [])),
      lnHarmThreshold: r.report?.lnHarmThreshold ?? Math.log(100),
      lnSafeThreshold: r.report?.lnSafeThreshold ?? Math.log(20),
      looks: rows,
      decisions: r.decisions.map((d) => ({ atMs: Date.parse(d.at) - began, words: d.words })),
      nameOf: (metric) => METRIC_WORDS[metric]?.short ?? metric,
    });
    download(`evidence-${e.rolloutId}.svg`, svg, "image/svg+xml");
  };
  const address = `${window.location.origin}/rollouts/${e.rolloutId}?explain=1`;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="inline-flex items-center gap-1 text-soft">
        Share: <CopyButton text={address} label="Copy the link to this explanation" />
      </span>
      <Button size="small" disabled={!r || !rows} onClick={picture}>
        Picture (SVG)
      </Button>
      <Button
        size="small"
        onClick={() =>
          download(`explanation-${e.rolloutId}.json`, `${JSON.stringify(e, null, 2)}\n`, "application/json")
        }
      >
        Data (JSON)
      </Button>
    </div>
  );
}

function Explained({ of: e }: { of: Explanation }) {
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-col gap-1">
        <Check
          ok={e.agrees}
          good="The replay comes to the same decisions"
          bad="The replay does not come to the same decisions"
        />
        <Check
          ok={e.evidenceIntact}
          good="The evidence is untouched"
          bad="The evidence was changed after the decision"
        />
      </div>
      <ul className="m-0 list-disc space-y-1 pl-4 text-soft">
        {e.words.map((w) => (
          <li key={w}>{sentence(w.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, moment))}</li>
        ))}
      </ul>
      <ShareButtons of={e} />
      <Facts
        items={[
          ["Looks replayed", count(e.looks)],
          ["Decisions", count(e.decisions.length)],
          ["Decider", <Mono key="v">{e.deciderVersion}</Mono>],
          [
            "Evidence SHA-256",
            <span key="h" className="inline-flex items-center gap-1">
              <Mono>{shortHash(e.evidenceSha256, 16)}…</Mono>
              <CopyButton text={e.evidenceSha256} label="Copy the hash" />
            </span>,
          ],
        ]}
      />
    </div>
  );
}
