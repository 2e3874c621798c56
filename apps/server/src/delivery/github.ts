import type { Logger } from "pino";
import type { Subjects } from "../ledger/index.ts";
import { Clones } from "../platform/adapters/git/clones.ts";
import { githubAsking } from "../platform/adapters/github/asking.ts";
import { GithubClient } from "../platform/adapters/github/client.ts";
import type { GithubAccess } from "../platform/adapters/github/configured.ts";
import { githubTelling } from "../platform/adapters/github/telling.ts";
import type { Database } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { forgetOldDeliveries, forgetOldStates } from "./github.store.ts";
import { DeliveriesController } from "./github-deliveries.controller.ts";
import { MergesController } from "./github-merges.controller.ts";
import { PollingController } from "./github-polling.controller.ts";
import { forgetOldPolls } from "./github-polling.store.ts";
import { ReportsController } from "./github-reports.controller.ts";
import { forgetOldReports } from "./github-reports.store.ts";
import { branchesInUse } from "./pull-previews.ts";
import { PreviewsToldController } from "./pull-previews-told.controller.ts";
import { Pulse } from "./pulse.controller.ts";

/** So long a burst gathers: a round costs a dozen questions to PostgreSQL, be it for one delivery or for a hundred. */
const TAKING_REST_MS = 200;

export interface GithubOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly dir: string;
  readonly lease: Lease;
  readonly subjects: Subjects;
  readonly github: GithubAccess;
  readonly consoleUrl: string;
  readonly gatewayUrl: string;
  /** A deployment was asked for. */
  readonly wake: () => void;
}

/** GitHub, in and out: deliveries, merges that are deployed, and what GitHub is told. */
export function startGithub(o: GithubOptions) {
  const { database, log, lease, subjects, github } = o;
  // A public repository is cloned without one.
  const tokenOf = async (repository: string) => {
    const token = await github.tokenFor(repository);
    return token.ok ? token.value : null;
  };
  const isKnown = async () => (await github.identity()) !== "nobody";
  const repositories = new Clones({ dir: o.dir, url: github.url, token: tokenOf });
  const merges = new MergesController({ database, log, lease, repositories, subjects, wake: o.wake });
  const merging = new Pulse({ log, what: "merges", everyMs: 1_000, round: () => merges.tick() }).start();
  const deliveries = new DeliveriesController({ database, lease, subjects, onTaken: () => merging.wake() });
  const taking = new Pulse({
    log,
    what: "deliveries",
    everyMs: 1_000,
    restMs: TAKING_REST_MS,
    round: () => deliveries.tick(),
  }).start();
  const client = new GithubClient(github);
  const reports = new ReportsController({
    database,
    log,
    lease,
    telling: githubTelling(client, () => github.identity()),
    hasToken: isKnown,
    consoleUrl: o.consoleUrl,
    gatewayUrl: o.gatewayUrl,
  });
  const telling = new Pulse({ log, what: "reports to GitHub", everyMs: 2_000, round: () => reports.tick() }).start();
  const previews = new PreviewsToldController({
    ...{ database, log, lease, hasToken: isKnown, gatewayUrl: o.gatewayUrl, now: Date.now },
    telling: githubTelling(client, () => github.identity()),
  });
  const showing = new Pulse({
    log,
    what: "comments of previews",
    everyMs: 2_000,
    round: () => previews.tick(),
  }).start();
  const polling = new PollingController({
    database,
    log,
    lease,
    asking: githubAsking(client),
    subjects,
    hasToken: isKnown,
    everyMs: github.pollMs,
    hookUrl: `${o.consoleUrl}/hooks/github`,
    now: Date.now,
    onNews: () => merging.wake(),
  });
  const asking = new Pulse({ log, what: "questions to GitHub", everyMs: 5_000, round: () => polling.tick() }).start();
  const hourly = setInterval(() => {
    Promise.all([
      branchesInUse(database.db).then((kept) => repositories.tidy(kept)),
      forgetOldDeliveries(database.db),
      forgetOldStates(database.db),
      forgetOldReports(database.db),
      forgetOldPolls(database.db),
    ]).catch((error: unknown) => log.warn({ err: error }, "old deliveries and branches could not be deleted"));
  }, 3_600_000);
  return {
    repositories,
    /** What the webhook's address needs. */
    hook: { db: database.db, secrets: github.webhookSecrets, onStored: () => taking.wake() },
    stop: async () => {
      clearInterval(hourly);
      repositories.abort();
      await taking.stop();
      await merging.stop();
      await telling.stop();
      await showing.stop();
      await asking.stop();
    },
  };
}
