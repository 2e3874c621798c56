import { keys } from "./queries.ts";
import type { LedgerEntry, Look, Page, Rollout, Service, ServiceSummary } from "./types.ts";

/**
 * What an event of the stream does to the cache, as data: values to patch and keys to fetch anew. Pure, so that the
 * rules are tested without a browser; `stream.ts` carries them out.
 */
export type Patch = { readonly key: readonly unknown[]; readonly change: (old: unknown) => unknown };
export interface Effects {
  readonly patches: readonly Patch[];
  readonly invalidate: readonly (readonly unknown[])[];
}

const NEWEST_MAX = 10;
const LOOKS_MAX = 1_200;

/** A look as the charts hold it, from a rollout's newest report. */
export function lookOf(rollout: Rollout, at: string): Look | null {
  const { report } = rollout;
  if (!report) return null;
  return {
    atMs: report.atMs,
    at,
    trafficPercent: rollout.trafficPercent,
    verdict: report.verdict,
    lnHarm: report.lnHarm,
    lnSafe: report.lnSafe,
    baselineRequests: report.baselineRequests,
    canaryRequests: report.canaryRequests,
    metrics: report.metrics,
  };
}

export function onRollout(rollout: Rollout, at: string): Effects {
  const look = lookOf(rollout, at);
  const append = (old: unknown): unknown => {
    const page = old as Page<Look> | undefined;
    if (!page || !look) return old;
    const last = page.items.at(-1);
    if (last && last.atMs >= look.atMs) return old;
    return { ...page, items: [...page.items, look].slice(-LOOKS_MAX) };
  };
  return {
    patches: [
      { key: keys.rollout(rollout.id), change: () => rollout },
      { key: keys.looks(rollout.id), change: append },
    ],
    invalidate: [],
  };
}

export function onService(service: ServiceSummary): Effects {
  const inList = (old: unknown): unknown => {
    const page = old as Page<ServiceSummary> | undefined;
    return page && { ...page, items: page.items.map((s) => (s.name === service.name ? service : s)) };
  };
  const merged = (old: unknown): unknown => old && { ...(old as Service), ...service };
  return {
    patches: [
      { key: keys.services, change: inList },
      { key: keys.service(service.name), change: merged },
    ],
    invalidate: [],
  };
}

/** Building and gates leave no ledger entry on the way: a deployment that has gone on is fetched anew. */
export function onDeployment({ id, service }: { id: string; service: string }): Effects {
  return { patches: [], invalidate: [keys.deployment(id), keys.deployments(), keys.service(service)] };
}

type Pages = { pages: Page<LedgerEntry>[]; pageParams: unknown[] };

/** Puts an entry on top of the newest list, or of a filtered one that it belongs to. */
export function prepend(entry: LedgerEntry, key: readonly unknown[], old: unknown): unknown {
  if (!old) return old;
  if (key[1] === "newest") {
    const page = old as Page<LedgerEntry>;
    if (page.items.some((e) => e.sequence === entry.sequence)) return old;
    return { ...page, items: [entry, ...page.items].slice(0, NEWEST_MAX) };
  }
  const [, , type, subject] = key as string[];
  const fits = entry.type.startsWith(type ?? "") && (!subject || entry.subject === subject);
  const { pages, pageParams } = old as Pages;
  const [first, ...rest] = pages;
  if (!fits || !first || first.items.some((e) => e.sequence === entry.sequence)) return old;
  return { pages: [{ ...first, items: [entry, ...first.items] }, ...rest], pageParams };
}

interface EntryData {
  readonly deploymentId?: string;
  readonly service?: string;
  /** What a rollout carries. None of a trial follows it: a trial is of what has ended. */
  readonly carries?: readonly { readonly deploymentId: string; readonly follows: boolean }[];
}

/** Lists and pages that an entry of the ledger makes old. The ledger's own lists are patched, never fetched again. */
export function onLedger(entry: LedgerEntry): Effects {
  const id = entry.subject.slice(entry.subject.indexOf("/") + 1);
  const { deploymentId, service, carries = [] } = entry.data as EntryData;
  const isTrial = carries.length > 0 && carries.every((change) => !change.follows);
  const invalidate: (readonly unknown[])[] = [];
  if (entry.type.startsWith("delivery.")) invalidate.push(keys.deployments(), keys.services);
  if (entry.type.startsWith("delivery.") && service) invalidate.push(keys.service(service));
  if (entry.type.startsWith("delivery.deployment.")) invalidate.push(keys.deployment(id));
  // It may have been the trial of a part of a batch, whose pages tell what is known by now; only open ones are fetched.
  if (entry.type === "delivery.deployment.ended" || isTrial) invalidate.push(["rollout"], ["deployment"]);
  if (entry.type.startsWith("delivery.release.")) {
    invalidate.push(service ? keys.releases(service) : ["releases"]);
    if (entry.correlation) invalidate.push(keys.deployment(entry.correlation));
  }
  if (entry.type.startsWith("delivery.rollout.")) {
    invalidate.push(keys.rollout(id), keys.explanation(id));
    if (deploymentId) invalidate.push(keys.deployment(deploymentId));
    invalidate.push(...carries.map((change) => keys.deployment(change.deploymentId)));
  }
  if (entry.type.startsWith("delivery.preview.")) return { patches: [], invalidate: [["previews"]] };
  if (entry.type.startsWith("flags.")) return { patches: [], invalidate: [keys.flags] };
  if (entry.type.startsWith("catalog.notification")) return { patches: [], invalidate: [keys.notifications] };
  if (entry.type.startsWith("catalog.")) invalidate.push(keys.services, ["service"]);
  if (entry.type.startsWith("catalog.approval.")) invalidate.push(keys.approvals, ["deployment"]);
  if (entry.type.startsWith("catalog.freeze.")) invalidate.push(keys.freezes);
  // Whoever is somebody else now may approve other things.
  if (entry.type.startsWith("security.person.")) invalidate.push(keys.people, keys.approvals);
  if (entry.type.startsWith("security.token.")) invalidate.push(keys.tokens);
  if (entry.type.startsWith("platform.")) invalidate.push(keys.backups);
  return { patches: [], invalidate };
}
