import { useQuery } from "@tanstack/react-query";
import { queries } from "../../api/queries.ts";
import type { TargetView } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Ago, Code, Mono } from "../../ui/Text.tsx";

const STATES = {
  serving: { tone: "good", word: "Serving" },
  behind: { tone: "warn", word: "Behind" },
  failing: { tone: "bad", word: "Failing" },
  waiting: { tone: "calm", word: "Waiting" },
} as const;
const COLORS: Readonly<Record<string, string>> = {
  baseline: "bg-[var(--series-1)]",
  canary: "bg-[var(--series-2)]",
  holdback: "bg-[var(--series-3)]",
};

/** The shares as they are served, as one bar. The list below says the same. */
function Shares({ target: t }: { target: TargetView }) {
  if (t.shares.length === 0) return null;
  return (
    <>
      <div className="flex h-3 overflow-hidden rounded-full bg-sunken" aria-hidden>
        {t.shares.map((share) => (
          <div
            key={share.arm}
            className={COLORS[share.arm] ?? "bg-line-strong"}
            style={{ width: `${share.trafficPercent}%` }}
          />
        ))}
      </div>
      <ul className="m-0 flex list-none flex-col gap-1 p-0">
        {t.shares.map((share) => (
          <li key={share.arm} className="flex flex-wrap items-center gap-x-3">
            <span className={`size-2.5 rounded-full ${COLORS[share.arm] ?? "bg-line-strong"}`} aria-hidden />
            <span className="w-16 text-muted">{share.arm}</span>
            <A href={to.release(share.releaseId)}>{share.release}</A>
            <span>{share.trafficPercent} %</span>
            {share.address && <Mono className="text-xs text-muted">{share.address}</Mono>}
          </li>
        ))}
      </ul>
    </>
  );
}

/** What the provider has: which deploy it shows, and where each answers. */
function Deploys({ target: t }: { target: TargetView }) {
  if (!t.deploys || t.deploys.length === 0) return null;
  return (
    <ul aria-label={`Deploys of ${t.service} in ${t.environment}`} className="m-0 flex list-none flex-col gap-1 p-0">
      {t.deploys.map((deploy) => (
        <li key={deploy.id} className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {deploy.address ? (
            <a href={deploy.address} className="link break-all" rel="noreferrer">
              <Mono>{deploy.id}</Mono>
            </a>
          ) : (
            <Mono>{deploy.id}</Mono>
          )}
          <span className="text-muted">{deploy.state}</span>
          {deploy.commit && <Mono className="text-xs text-muted">{deploy.commit.slice(0, 8)}</Mono>}
          {deploy.pullRequest !== null && <span className="text-muted">preview of #{deploy.pullRequest}</span>}
          {deploy.isPublished && <Badge tone="good">Published</Badge>}
          {deploy.isLocked && <Badge tone="calm">Locked</Badge>}
          {deploy.createdAt && <Ago at={deploy.createdAt} />}
        </li>
      ))}
    </ul>
  );
}

const routedWords = (t: TargetView): string =>
  t.routedBy === "target"
    ? `${t.kind} splits the traffic`
    : `${t.kind === "local" ? "local processes" : `releases on ${t.kind}`} behind Latchkey's gateway`;

function Target({ target: t }: { target: TargetView }) {
  const { tone, word } = STATES[t.state];
  return (
    <Section
      title={`${t.service} in ${t.environment}`}
      note={routedWords(t)}
      actions={<Badge tone={tone}>{word}</Badge>}
    >
      <div className="flex flex-col gap-3">
        <p className="m-0 text-soft">
          {t.words}
          {t.acknowledgedAt && (
            <>
              {" "}
              Acknowledged <Ago at={t.acknowledgedAt} />.
            </>
          )}
        </p>
        <Shares target={t} />
        <Deploys target={t} />
        {t.error && (
          <p className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
            {t.error}
            {t.errorAt && (
              <>
                {" "}
                Since <Ago at={t.errorAt} />.
              </>
            )}
          </p>
        )}
        {t.notes.length > 0 && <Code label={`Notes on ${t.service} in ${t.environment}`}>{t.notes.join("\n")}</Code>}
      </div>
    </Section>
  );
}

/** Where each service runs, who splits its traffic, and what is served there. */
export function TargetsPage() {
  const q = useQuery(queries.targets());
  return (
    <>
      <PageHead title="Targets" lead="Where each service runs, and the shares that are served there." />
      <div className="flex flex-col gap-6">
        {q.data ? (
          q.data.items.length > 0 ? (
            q.data.items.map((t) => <Target key={`${t.service}/${t.environment}`} target={t} />)
          ) : (
            <Empty title="There are no services yet">latchkey apply adds those of your configuration.</Empty>
          )
        ) : q.error ? (
          <ErrorPanel error={q.error} retry={() => void q.refetch()} />
        ) : (
          <Skeleton rows={4} className="h-16" />
        )}
      </div>
    </>
  );
}
