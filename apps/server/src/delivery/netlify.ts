import { setTimeout as wait } from "node:timers/promises";
import type { NetlifyConfig } from "@latchkey/api/targets";
import { targetOf } from "@latchkey/api/targets";
import type { ReleaseHost, Router } from "@latchkey/core/delivery/ports";
import { err } from "@latchkey/core/shared/result";
import type { Logger } from "pino";
import { findService } from "../catalog/index.ts";
import { NetlifyClient } from "../platform/adapters/netlify/client.ts";
import type { NetlifyAccess } from "../platform/adapters/netlify/configured.ts";
import { NetlifyHost } from "../platform/adapters/netlify/host.ts";
import { NetlifyRouter } from "../platform/adapters/netlify/router.ts";
import type { Database } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { seeGateway } from "./gateways.store.ts";
import { askedOf, forgetSite, listSites, rememberSite, saveDeploys } from "./netlify.store.ts";
import { EDGE_BOOT, SERVED_AFTER_MS } from "./netlify-edge.ts";
import { Pulse } from "./pulse.controller.ts";
import type { Machine } from "./routers.controller.ts";
import { gatewayOf } from "./serving.view.ts";
import type { Place } from "./targets.store.ts";

const SITES_EVERY_MS = 15_000;

export interface NetlifyOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly lease: Pick<Lease, "fence">;
  readonly access: NetlifyAccess;
}

/** Netlify's sites: their releases, what they show, and the locks on them. */
export function startNetlify({ database, log, lease, access }: NetlifyOptions) {
  const { db } = database;
  const client = new NetlifyClient(access);
  const now = () => performance.now();
  const routers = new Map<string, NetlifyRouter>();
  let news = new AbortController();
  const host = new NetlifyHost({
    client,
    now,
    // What Netlify tells of ends the wait; without its word the time does.
    wait: (ms) => wait(ms, undefined, { signal: news.signal }).catch(() => {}),
  });

  const machineOf = (config: NetlifyConfig, place: Place): Machine => {
    const { siteId } = config;
    const publisher = new NetlifyRouter({
      ...{ client, siteId, now },
      asked: async () => (await askedOf(db, place))?.generation ?? null,
      remember: (wasLocked) => rememberSite(db, siteId, place, wasLocked),
      saw: (deploys) => saveDeploys(db, place, deploys),
    });
    routers.set(siteId, publisher);
    const isEdge = config.split === "edge";
    return {
      router: isEdge ? afterEdges(publisher, async () => (await askedOf(db, place))?.forMs ?? 0) : publisher,
      counts: null,
      onNews: () => {},
      ...(isEdge
        ? { hear: (applied) => seeGateway(db, gatewayOf({ ...place, kind: "netlify" }), EDGE_BOOT, applied) }
        : {}),
      notes: isEdge
        ? ["Netlify's Edge Function splits the traffic; it shows the published deploy where it is in doubt."]
        : ["Latchkey's gateway splits the traffic; Netlify's own address shows the published deploy."],
      close: () => void routers.delete(siteId),
    };
  };

  /** Sites whose service has left get their lock back as it was. */
  const putBack = async (): Promise<boolean> => {
    if (lease.fence() === null) return false;
    for (const row of await listSites(db)) {
      const service = await findService(db, row.project, row.service);
      const target = service ? targetOf(service.config, row.environment) : null;
      if (target?.kind === "netlify" && target.siteId === row.site_id) continue;
      const site = await client.site(row.site_id);
      const isGone = !site.ok && site.error.status === 404;
      const published = site.ok ? (site.value.published_deploy ?? null) : null;
      const isDone =
        isGone ||
        (site.ok &&
          (published === null ||
            row.was_locked ||
            published.locked !== true ||
            (await client.setLocked(published.id, false)).ok));
      if (!isDone) {
        log.warn({ siteId: row.site_id }, "a site's lock could not be put back; it is tried again");
        continue;
      }
      await forgetSite(db, row.site_id);
      log.info({ siteId: row.site_id, locked: row.was_locked }, "a site was left as it was found");
    }
    return false;
  };
  const sites = new Pulse({ log, what: "sites of Netlify", everyMs: SITES_EVERY_MS, round: putBack }).start();

  return {
    host: host as ReleaseHost,
    machineOf,
    /** Netlify has told of something. */
    wake: (siteId: string | null) => {
      news.abort();
      news = new AbortController();
      for (const [id, router] of routers) if (siteId === null || id === siteId) router.hurry();
      sites.wake();
    },
    stop: async () => {
      news.abort();
      await sites.stop();
    },
  };
}

/** Edges go by a table for a while after a newer one is there: only then is "0 %" true. */
const afterEdges = (publisher: Router, askedForMs: () => Promise<number>): Router => ({
  route: async (plan) => {
    const done = await publisher.route(plan);
    if (!done.ok || (await askedForMs()) >= SERVED_AFTER_MS) return done;
    return err({ kind: "behind", words: "The edges' tables of before are not too old yet." });
  },
});
