import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { isMissing } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { Deployment } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { FaultBadge, StateBadge } from "../../ui/Badge.tsx";
import { LinkButton } from "../../ui/Button.tsx";
import { duration, firstLine, moment, shortCommit, shortId } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Facts, PageHead, Section } from "../../ui/Section.tsx";
import { ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago, Code, Mono } from "../../ui/Text.tsx";
import { ReleaseLabel } from "../catalog/ReleaseLabel.tsx";
import { NotFoundPage } from "../NotFoundPage.tsx";
import { CarriedPanel } from "./CarriedPanel.tsx";
import { GateList } from "./GateList.tsx";
import { PhaseTrack } from "./PhaseTrack.tsx";
import { ProgressPanel } from "./ProgressPanel.tsx";

const titleOf = (d: Deployment): string =>
  `${d.service} ${d.release ? `#${d.release.number}` : shortId(d.id)} to ${d.environment}`;

function Head({ deployment: d }: { deployment: Deployment }) {
  return (
    <PageHead
      title={titleOf(d)}
      over={
        <>
          <A href={to.service(d.service, "deployments")}>{d.service}</A>
          <span aria-hidden>/</span>
          <span>deployment</span>
          <span aria-hidden>·</span>
          <span>
            <Ago at={d.createdAt} /> by {d.createdBy}
          </span>
        </>
      }
      badge={
        <>
          <StateBadge state={d.status} />
          <FaultBadge fault={d.fault} />
        </>
      }
      lead={<div aria-live="polite">{d.words}</div>}
      actions={
        <>
          {d.rolloutId && (
            <LinkButton href={to.rollout(d.rolloutId)} kind="primary">
              Watch the rollout
            </LinkButton>
          )}
          {d.finishedAt && d.release && d.status !== "unchanged" && (
            <LinkButton href={to.ship(d.service, d.environment, d.release.id)}>Ship this release again</LinkButton>
          )}
        </>
      }
    />
  );
}

function Took({ deployment: d }: { deployment: Deployment }) {
  const now = useNow();
  return duration((d.finishedAt ? Date.parse(d.finishedAt) : now) - Date.parse(d.createdAt));
}

/** What a rollout is compared with is what serves when it begins. */
const whenBegun = (d: Deployment): string => (d.finishedAt ? "it never came to that" : "not known before its turn");

function About({ deployment: d }: { deployment: Deployment }) {
  return (
    <Section title="About">
      <Facts
        items={[
          ["Release", d.release ? <ReleaseLabel key="r" release={d.release} /> : "not built yet", "wide"],
          [
            "It replaces",
            d.previousReleaseId ? (
              <A key="p" href={to.release(d.previousReleaseId)}>
                {shortId(d.previousReleaseId)}
              </A>
            ) : d.rolloutId ? (
              "nothing: the first here"
            ) : (
              whenBegun(d)
            ),
          ],
          d.carrierId
            ? [
                "Went out with",
                <A key="c" href={to.deployment(d.carrierId)}>
                  {shortId(d.carrierId)}
                </A>,
              ]
            : null,
          d.splitsId
            ? [
                "Tries a part of",
                <A key="s" href={to.deployment(d.splitsId)}>
                  {shortId(d.splitsId)}
                </A>,
              ]
            : null,
          ["Reason", d.reason || <span className="text-muted">none given</span>],
          ["Asked for", moment(d.createdAt)],
          [d.finishedAt ? "Took" : "Under way for", <Took key="t" deployment={d} />],
          ["Id", <Mono key="i">{shortId(d.id)}</Mono>],
          [
            "In the ledger",
            <A key="l" href={to.ledger({ subject: `deployment/${d.id}` })}>
              its entries
            </A>,
          ],
        ]}
      />
    </Section>
  );
}

function Changes({ deployment: d }: { deployment: Deployment }) {
  // Its carrier's page has the commits of all that went out together.
  if (d.carrierId) return null;
  return (
    <Section title="Changes" note="commits since what served before" flush>
      {d.changes.length === 0 ? (
        <p className="m-0 px-4 py-3 text-muted">
          {d.rolloutId
            ? "No commits: it was built from the same commit as what served, or nothing served before."
            : `The commits since what serves when its rollout begins: ${whenBegun(d)}.`}
        </p>
      ) : (
        <ol className="m-0 list-none divide-y divide-line p-0">
          {d.changes.map((c) => (
            <li key={c.commit} className="flex gap-3 px-4 py-2">
              <Mono className="shrink-0 text-muted">{shortCommit(c.commit)}</Mono>
              <span className="min-w-0 flex-1 truncate">{firstLine(c.message)}</span>
              <span className="hidden shrink-0 text-xs text-muted sm:inline">
                {c.author} · <Ago at={c.at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

/** Nothing happened, on purpose: says why, and how to make something happen all the same. */
function Unchanged({ deployment: d }: { deployment: Deployment }) {
  return (
    <Section title="Why nothing was rolled out">
      <p className="m-0 text-soft">
        The build gave, byte for byte, the release that {d.environment} serves already, so there was nothing to compare
        and nothing to do. Change something in the working tree, or ship a healthy rehearsal to see the whole way.
      </p>
      <LinkButton href={to.ship(d.service, d.environment)} className="mt-3">
        Ship a rehearsal
      </LinkButton>
    </Section>
  );
}

/** The rollout knows how far the release is on its way up. */
function Progress({ rolloutId }: { rolloutId: string }) {
  const q = useQuery(queries.rollout(rolloutId));
  return q.data ? <ProgressPanel rollout={q.data} /> : null;
}

export function DeploymentPage() {
  const { deploymentId } = useParams({ from: "/shell/deployments/$deploymentId" });
  const q = useQuery(queries.deployment(deploymentId));
  if (isMissing(q.error)) return <NotFoundPage what="deployment" />;
  if (!q.data) return q.error ? <ErrorPanel error={q.error} retry={() => void q.refetch()} /> : <PageSkeleton />;
  const d = q.data;
  const showOutput = d.buildOutput !== "" && (d.status === "failed_build" || d.status === "building");
  return (
    <>
      <Head deployment={d} />
      <div className="flex flex-col gap-6">
        <Section title="Phases">
          <PhaseTrack deployment={d} />
        </Section>
        {d.status === "unchanged" && <Unchanged deployment={d} />}
        {d.status === "starting" && d.rolloutId && <Progress rolloutId={d.rolloutId} />}
        {showOutput && (
          <Section title="Output of the build" flush>
            <Code label="Output of the build" className="rounded-none border-0">
              {d.buildOutput}
            </Code>
          </Section>
        )}
        <About deployment={d} />
        <GateList deployment={d} />
        <CarriedPanel carries={d.carries} split={d.split} deploymentId={d.id} />
        <Changes deployment={d} />
      </div>
    </>
  );
}
