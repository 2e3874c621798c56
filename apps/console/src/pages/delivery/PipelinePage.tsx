import { useQuery } from "@tanstack/react-query";
import { GitPullRequest, Hand } from "lucide-react";
import { queries } from "../../api/queries.ts";
import type { PipelineItem, PipelineView } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { duration, firstLine, plural, shortCommit } from "../../ui/format.ts";
import { PageHead, Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Ago, Mono } from "../../ui/Text.tsx";
import { StageStrip } from "./StageStrip.tsx";

/** What one reads first: how much is on its way, and whether anything stands still. */
function lead(pipeline: PipelineView): string {
  const underWay = pipeline.items.filter((i) => !i.over);
  const blocked = underWay.filter((i) => i.blockedBy !== null);
  if (underWay.length === 0) return "Nothing is on its way: everything that came is in production or over.";
  const stands =
    blocked.length === 0
      ? "Nothing is in their way."
      : `${plural(blocked.length, "of them stands", "of them stand")} still.`;
  return `${plural(underWay.length, "change")} on the way. ${stands}`;
}

function Title({ item }: { item: PipelineItem }) {
  const { change } = item;
  const href = item.rolloutId
    ? to.rollout(item.rolloutId)
    : item.deploymentId
      ? to.deployment(item.deploymentId)
      : null;
  const words = firstLine(change.title) || change.key;
  return <h3 className="m-0 text-sm font-semibold break-words">{href ? <A href={href}>{words}</A> : words}</h3>;
}

/** Where it comes from: GitHub's page where there is one. */
function Origin({ item: { change, service, environment, previewUrl } }: { item: PipelineItem }) {
  const at = change.mergedAt ?? change.committedAt ?? change.openedAt;
  const name = change.pullRequest === null ? shortCommit(change.commit) : `#${change.pullRequest}`;
  return (
    <p className="m-0 mt-0.5 flex flex-wrap items-center gap-x-2 text-xs text-muted">
      {change.pullRequest !== null && <GitPullRequest size={12} aria-hidden />}
      {change.url ? (
        <a href={change.url} className="link" rel="noreferrer">
          {change.pullRequest === null ? "commit" : "pull request"} {name}
        </a>
      ) : (
        <Mono>{name}</Mono>
      )}
      {previewUrl && (
        <a href={previewUrl} className="link" rel="noreferrer">
          preview
        </a>
      )}
      <span>
        {service}, {environment}
      </span>
      {change.author && <span>{change.author}</span>}
      {at && <Ago at={at} />}
      {change.leadTimeMs !== null && <span>{duration(change.leadTimeMs)} to production</span>}
    </p>
  );
}

function Row({ item }: { item: PipelineItem }) {
  return (
    <li className="p-4">
      <div className="grid gap-x-6 gap-y-3 lg:grid-cols-[minmax(0,2fr)_minmax(0,5fr)]">
        <div className="min-w-0">
          <Title item={item} />
          <Origin item={item} />
        </div>
        <StageStrip stages={item.stages} current={item.stage} trafficPercent={item.trafficPercent} over={item.over} />
      </div>
      {item.blockedBy !== null && (
        <p className="m-0 mt-3 flex gap-2 rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
          <Hand size={16} className="mt-0.5 shrink-0" aria-hidden />
          <span className="min-w-0 break-words">{item.blockedBy}</span>
        </p>
      )}
    </li>
  );
}

function Changes({ title, items }: { title: string; items: readonly PipelineItem[] }) {
  if (items.length === 0) return null;
  return (
    <Section title={title} note={plural(items.length, "change")} flush>
      <ul className="m-0 list-none divide-y divide-line p-0">
        {items.map((item) => (
          <Row key={`${item.service}/${item.change.key}/${item.deploymentId}`} item={item} />
        ))}
      </ul>
    </Section>
  );
}

/** What keeps Latchkey from hearing of changes: said only where there is something to do. */
function Obstacles({ pipeline: { connections, github } }: { pipeline: PipelineView }) {
  const words = [
    ...connections.filter((c) => c.problem !== null).map((c) => `${c.service}: ${c.problem}`),
    ...(connections.length > 0 && github.webhooks === "no_secret"
      ? ["Deliveries of GitHub are refused: the server has no webhook secret (--github-webhook-secret-file)."]
      : []),
    ...(connections.length > 0 && github.api === "no_token"
      ? ["GitHub is told nothing: the server has no token (--github-token-file)."]
      : []),
    ...(connections.length > 0 && github.identity === "token"
      ? ["Gates are shown on GitHub as a commit status: checks are for Apps only (--github-app-id)."]
      : []),
    ...(github.lateReports > 0 ? [`${plural(github.lateReports, "report")} could not be told to GitHub yet.`] : []),
    ...(github.unreadableDeliveries > 0
      ? [`${plural(github.unreadableDeliveries, "delivery", "deliveries")} could not be read.`]
      : []),
  ];
  if (words.length === 0) return null;
  return (
    <ul className="m-0 mb-6 list-none rounded-md border border-line bg-warn-soft px-3 py-2 text-sm text-warn">
      {words.map((line) => (
        <li key={line} className="break-words">
          {line}
        </li>
      ))}
    </ul>
  );
}

export function PipelinePage() {
  const pipeline = useQuery(queries.pipeline());
  const { data, error } = pipeline;
  const underWay = data?.items.filter((i) => !i.over) ?? [];
  return (
    <>
      <PageHead title="Pipeline" lead={data && lead(data)} />
      {data && error && (
        <p role="alert" className="m-0 mb-4 rounded-md border border-line bg-warn-soft px-3 py-2 text-warn">
          The server does not answer. This is what it said last; it is asked again.
        </p>
      )}
      {data && <Obstacles pipeline={data} />}
      {data ? (
        <div className="flex flex-col gap-6">
          {data.items.length === 0 && (
            <Section title="Changes" flush>
              <Empty title="No changes yet">
                Connect a service with GitHub (<Mono>github</Mono> in its configuration), or ship one: it is shown here.
              </Empty>
            </Section>
          )}
          <Changes title="On the way" items={underWay} />
          <Changes title="In production or over" items={data.items.filter((i) => i.over)} />
        </div>
      ) : (
        <Section title="Changes" flush>
          {error ? <ErrorPanel error={error} retry={() => void pipeline.refetch()} /> : <Skeleton rows={6} />}
        </Section>
      )}
    </>
  );
}
