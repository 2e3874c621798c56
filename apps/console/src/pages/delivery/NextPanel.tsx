import { ExternalLink } from "lucide-react";
import type { Rollout } from "../../api/types.ts";
import { count, countdown, duration, sentence } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Section } from "../../ui/Section.tsx";
import { arrivalWords, askOf, isOver, storyOf, turningOf, verdictWords } from "./rollout-words.ts";

/** What happens by itself and when, or how it all went. */
export function NextPanel({ rollout: r }: { rollout: Rollout }) {
  return isOver(r) ? <Story rollout={r} /> : <Next rollout={r} />;
}

function Next({ rollout: r }: { rollout: Rollout }) {
  const now = useNow();
  const ask = askOf(r);
  const at = r.next.at === null ? null : Date.parse(r.next.at);
  const left = at === null ? null : at - now;
  const toPass = r.report?.canaryRequestsToPass ?? null;
  return (
    <Section title="What happens next">
      {ask && <p className="m-0 mb-3 rounded-md bg-warn-soft px-3 py-2 font-medium text-warn">{ask}</p>}
      <p className="m-0 text-base">{r.next.words}</p>
      <dl className="m-0 mt-4 grid grid-cols-2 gap-4">
        {left !== null && (
          <div>
            <dt className="text-xs text-muted">{left > 0 ? "Time left" : "Due"}</dt>
            <dd className="m-0 text-xl font-semibold">{left > 0 ? countdown(left) : "now"}</dd>
          </div>
        )}
        {r.report && r.report.verdict !== "FAIL" && r.state !== "holdback" && (
          <div>
            <dt className="text-xs text-muted">Requests to proof</dt>
            <dd className="m-0 text-xl font-semibold">
              {toPass === null ? "unknown" : `about ${count(toPass)}`}
              {toPass !== null && toPass > 0 && (
                <span className="block text-xs font-normal text-muted">{arrivalWords(r, toPass)}</span>
              )}
            </dd>
          </div>
        )}
        <div>
          <dt className="text-xs text-muted">Under way for</dt>
          <dd className="m-0">{duration(now - Date.parse(r.startedAt))}</dd>
        </div>
        {r.previewUrl && (
          <div className="min-w-0">
            <dt className="text-xs text-muted">Preview of the canary</dt>
            <dd className="m-0">
              <a href={r.previewUrl} target="_blank" rel="noreferrer" className="link break-all">
                {r.previewUrl.replace(/^https?:\/\//, "")}
                <ExternalLink size={12} className="ml-1 inline" aria-hidden />
              </a>
            </dd>
          </div>
        )}
      </dl>
    </Section>
  );
}

function Story({ rollout: r }: { rollout: Rollout }) {
  const canary = r.arms.find((a) => a.arm === "canary");
  const lead = turningOf(r)?.words ?? verdictWords(r.report);
  const more = (r.report?.reasons ?? []).filter((reason) => !lead.includes(reason));
  const took = Date.parse(r.finishedAt ?? r.startedAt) - Date.parse(r.startedAt);
  const figures: [string, string][] = [
    ["Canary requests", count(canary?.requests ?? 0)],
    ["Of them failed", count(canary?.errors ?? 0)],
    ["Visitors, about", count(canary?.users ?? 0)],
    ["Took", duration(took)],
  ];
  return (
    <Section title="What happened">
      <p className="m-0 text-base">{sentence(lead)}</p>
      {more.map((reason) => (
        <p key={reason} className="m-0 mt-1 text-soft">
          {sentence(reason)}
        </p>
      ))}
      {storyOf(r).map((line) => (
        <p key={line} className="m-0 mt-1 text-soft">
          {line}
        </p>
      ))}
      <dl className="m-0 mt-4 grid grid-cols-2 gap-4">
        {figures.map(([label, value]) => (
          <div key={label}>
            <dt className="text-xs text-muted">{label}</dt>
            <dd className="m-0 text-xl font-semibold">{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
