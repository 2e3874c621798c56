import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { isMissing } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { Release } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { FaultBadge, StateBadge } from "../../ui/Badge.tsx";
import { LinkButton } from "../../ui/Button.tsx";
import { bytes, firstLine, moment, shortCommit } from "../../ui/format.ts";
import { Facts, PageHead, Section } from "../../ui/Section.tsx";
import { ErrorPanel, PageSkeleton } from "../../ui/States.tsx";
import { A, Ago, CopyButton, Mono } from "../../ui/Text.tsx";
import { NotFoundPage } from "../NotFoundPage.tsx";
import { ReleaseFiles } from "./ReleaseFiles.tsx";

const FAULT_WORDS = (fault: string): string =>
  fault === "none"
    ? "A healthy rehearsal: nothing is wrong with it, it was built to see the whole way."
    : `The fault “${fault}” is built in for rehearsal: it is meant to be rolled back.`;

function About({ release: r }: { release: Release }) {
  return (
    <Section title="What it is">
      <Facts
        items={[
          [
            "Digest, SHA-256",
            <span key="d" className="inline-flex items-center gap-1">
              <Mono>{r.digest.slice(0, 16)}…</Mono>
              <CopyButton text={r.digest} label="Copy the digest" />
            </span>,
          ],
          [
            "Commit",
            r.commit ? (
              <span key="c" className="inline-flex items-center gap-1">
                <Mono>{shortCommit(r.commit)}</Mono>
                <CopyButton text={r.commit} label="Copy the commit" />
                {r.dirty && <span className="text-xs text-warn">and uncommitted changes</span>}
              </span>
            ) : (
              "not from a repository"
            ),
          ],
          ["Branch", r.branch ? <Mono key="b">{r.branch}</Mono> : "none"],
          ["Author", r.author],
          ["Built", moment(r.createdAt)],
          ["Built by", r.createdBy],
          ["Size", bytes(r.sizeBytes)],
        ]}
      />
      {r.fault !== null && (
        <p className="m-0 mt-4 rounded-md bg-warn-soft px-3 py-2 text-warn">{FAULT_WORDS(r.fault)}</p>
      )}
    </Section>
  );
}

function Deployments({ release: r }: { release: Release }) {
  return (
    <Section title="Where it was deployed" flush>
      {r.deployments.length === 0 ? (
        <p className="m-0 px-4 py-3 text-muted">Nowhere yet.</p>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {r.deployments.map((d) => (
            <li key={d.id} className="relative flex flex-wrap items-center gap-3 px-4 py-2.5 hover:bg-hover">
              <StateBadge state={d.status} />
              <A href={to.deployment(d.id)} className="font-medium text-ink after:absolute after:inset-0">
                {d.environment}
              </A>
              <span className="ml-auto text-xs text-muted">
                <Ago at={d.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

export function ReleasePage() {
  const { releaseId } = useParams({ from: "/shell/releases/$releaseId" });
  const q = useQuery(queries.release(releaseId));
  const siblings = useInfiniteQuery({ ...queries.releases(q.data?.service ?? ""), enabled: q.data !== undefined });
  if (isMissing(q.error)) return <NotFoundPage what="release" />;
  if (!q.data) return q.error ? <ErrorPanel error={q.error} retry={() => void q.refetch()} /> : <PageSkeleton />;
  const r = q.data;
  const before = siblings.data?.pages.flatMap((p) => p.items).find((s) => s.number < r.number) ?? null;
  return (
    <>
      <PageHead
        title={`${r.service} #${r.number}`}
        over={
          <>
            <A href={to.service(r.service, "releases")}>{r.service}</A>
            <span aria-hidden>/</span>
            <span>release</span>
            <span aria-hidden>·</span>
            <span>
              built <Ago at={r.createdAt} />
            </span>
          </>
        }
        badge={<FaultBadge fault={r.fault} />}
        lead={firstLine(r.message)}
        actions={<LinkButton href={to.ship(r.service, undefined, r.id)}>Roll out this release</LinkButton>}
      />
      <div className="flex flex-col gap-6">
        <div className="grid gap-6 lg:grid-cols-[3fr_2fr]">
          <About release={r} />
          <Deployments release={r} />
        </div>
        <ReleaseFiles release={r} before={before} />
      </div>
    </>
  );
}
