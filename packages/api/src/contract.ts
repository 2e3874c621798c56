import { z } from "zod";
import { experimentContract } from "./experiments.ts";
import { flagProposalContract } from "./flag-proposals.ts";
import { flagContract } from "./flags.ts";
import * as g from "./gates.ts";
import { GatewayReport, GENERATION_MAX, RoutingTable } from "./gateway.ts";
import { Change, ChangeState, OidcExchange, OidcToken, Pipeline } from "./github.ts";
import { insightsContract } from "./insights.ts";
import { migrationsContract } from "./migrations.ts";
import * as m from "./models.ts";
import { EdgeSetup } from "./netlify.ts";
import { notificationContract } from "./notifications.ts";
import type { RouteName } from "./paths.ts";
import { peopleContract } from "./people.ts";
import { CanaryPlanning, PlanQuery } from "./planning.ts";
import { previewsContract } from "./previews.ts";
import { promotionContract } from "./promotions.ts";
import { rollbackContract } from "./rollbacks.ts";
import { TargetView } from "./targets.ts";
import { zeroTouchContract } from "./zero-touch.ts";

/** Query, body and answer of each route in `paths.ts`. `answers` is the body of a success. */
export interface RouteSpec {
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly status: 200 | 201 | 202 | 204;
  readonly answers: z.ZodType;
}

const paging = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};

export const contract = {
  signIn: {
    summary: "Exchange a one-time sign-in secret for a session cookie",
    body: z.strictObject({ secret: z.string().min(10).max(200) }),
    status: 200,
    answers: m.Me,
  },
  signOut: { summary: "End this session", status: 204, answers: z.null() },
  me: { summary: "Who is asking", status: 200, answers: m.Me },
  createSignInLink: {
    summary: "Make a link that signs one browser in, once, within 15 minutes",
    status: 201,
    answers: z.object({ url: z.string(), expiresAt: z.iso.datetime({ offset: true }) }),
  },
  getSystem: {
    summary: "This installation: version, database, gateways, memory",
    status: 200,
    answers: m.SystemView,
  },
  getHealth: {
    summary: "How near this server is to its limits, and what to do where it is near",
    status: 200,
    answers: m.HealthView,
  },

  listTokens: {
    summary: "API tokens, without their secrets",
    query: z.object(paging),
    status: 200,
    answers: m.pageOf(m.Token),
  },
  createToken: {
    summary: "Make an API token; the secret is in this answer and never again",
    body: z.strictObject({
      name: z.string().min(1).max(80),
      role: m.Role,
      expiresInDays: z.int().min(1).max(365).default(90),
    }),
    status: 201,
    answers: z.object({ token: m.Token, secret: z.string() }),
  },
  revokeToken: { summary: "Revoke an API token", status: 204, answers: z.null() },

  listServices: {
    summary: "Services with what each environment serves",
    query: z.object(paging),
    status: 200,
    answers: m.pageOf(m.ServiceSummary),
  },
  getService: { summary: "One service with its configuration", status: 200, answers: m.Service },
  applyService: {
    summary: "Apply a service's canonical configuration; with dryRun only the difference",
    body: z.strictObject({ config: m.ServiceConfig, dryRun: z.boolean().default(false), root: z.string().max(1000) }),
    status: 200,
    answers: z.object({ changes: z.array(m.ConfigChange), applied: z.boolean(), service: z.string() }),
  },
  planCanary: {
    summary:
      "What a canary can be expected to find and to prove at a service's traffic, by simulation; ask again while it works",
    query: PlanQuery,
    status: 200,
    answers: CanaryPlanning,
  },

  getNetlifyEdge: {
    summary: "What a Netlify site's Edge Function is given, with its secret",
    query: z.object({ environment: z.string().max(40).optional() }),
    status: 200,
    answers: EdgeSetup,
  },
  listTargets: {
    summary: "Where each service runs in each environment, and the shares that are served there",
    query: z.object(paging),
    status: 200,
    answers: m.pageOf(TargetView),
  },

  listReleases: {
    summary: "Releases of a service, newest first",
    query: z.object(paging),
    status: 200,
    answers: m.pageOf(m.ReleaseSummary),
  },
  getRelease: { summary: "A release and what is in it", status: 200, answers: m.Release },

  ship: {
    summary: "Build the working tree into a release, pass its gates, roll it out",
    body: z.strictObject({
      environment: z.string().max(40).default("production"),
      /** A rehearsal: errors=5%, errors=5%@flag (of those for whom a flag is on), latency=+50%, crash-after=200, leak, slow-tail=3%x10, broken-page. */
      fault: z.string().max(60).optional(),
      strategy: m.StrategyKind.optional(),
      /** Deploy this existing release instead of building one. */
      releaseId: z.string().max(60).optional(),
      reason: z.string().max(500).default(""),
      /**
       * With a rollout under way: wait for it (queue), wait and go out in one rollout with others that wait so (batch, see the
       * service's strategy.batch), or end it in favour of this one (supersede).
       */
      ifBusy: z.enum(["batch", "queue", "supersede", "refuse"]).default("refuse"),
      /** Why it goes out in spite of a freeze: for owners, and kept in the ledger. */
      overrideFreeze: z.string().trim().min(1).max(300).optional(),
      /** Why it goes out although a gate of kind window is closed: for owners, and kept in the ledger. */
      overrideWindow: z.string().trim().min(1).max(300).optional(),
      /** Why it goes to an environment that releases are promoted to, without having served the one before: for owners. */
      overridePath: z.string().trim().min(1).max(300).optional(),
    }),
    status: 202,
    answers: m.DeploymentSummary,
  },
  listDeployments: {
    summary: "Deployments, newest first",
    query: z.object({ ...paging, service: z.string().max(40).optional() }),
    status: 200,
    answers: m.pageOf(m.DeploymentSummary),
  },
  getDeployment: { summary: "A deployment with its gates and changes", status: 200, answers: m.Deployment },

  splitDeployment: {
    summary:
      "After a batch was rolled back: deploy half of the suspected changes, then the rest, to find the one that does harm",
    body: z.strictObject({ reason: z.string().max(500).default("") }),
    status: 202,
    answers: z.object({ items: z.array(m.DeploymentSummary) }),
  },

  getPipeline: {
    summary: "Where each change is on its way to production, how long each stage took, and what is in its way",
    query: z.object({
      service: z.string().max(40).optional(),
      limit: z.coerce.number().int().min(1).max(100).default(30),
    }),
    status: 200,
    answers: Pipeline,
  },
  listChanges: {
    summary: "Changes of a service, newest first: commits with their pull requests",
    query: z.object({ ...paging, state: ChangeState.optional() }),
    status: 200,
    answers: m.pageOf(Change),
  },
  getChange: { summary: "A change by its key, or by its commit", status: 200, answers: Change },
  exchangeToken: {
    summary: "Exchange a GitHub workflow's OIDC token for one of role ci that is good for 15 minutes",
    body: OidcExchange,
    status: 201,
    answers: OidcToken,
  },
  cancelDeployment: {
    summary: "End a deployment that has no rollout yet, with a reason",
    body: z.strictObject({ reason: z.string().min(1).max(500) }),
    status: 200,
    answers: m.DeploymentSummary,
  },
  overrideWindow: {
    summary: "Let a deployment that waits for a window or a freeze out now, with a reason: for owners",
    body: z.strictObject({ reason: z.string().trim().min(1).max(300) }),
    status: 200,
    answers: m.DeploymentSummary,
  },
  answerGate: {
    summary: "Answer a gate that has asked over HTTP, with the token that it gave, once",
    body: g.GateAnswer,
    status: 204,
    answers: z.null(),
  },
  submitEvidence: {
    summary: "Send a pipeline's report for a gate and a commit; one sent before gives way",
    body: g.NewEvidence,
    status: 201,
    answers: g.Evidence,
  },
  listWaivers: {
    summary: "Waivers of a service's gates, newest first",
    query: z.object(paging),
    status: 200,
    answers: m.pageOf(g.Waiver),
  },
  createWaiver: {
    summary: "Let a gate of a service stand that does not pass, until a day",
    body: g.NewWaiver,
    status: 201,
    answers: g.Waiver,
  },
  revokeWaiver: { summary: "Take a waiver back", status: 204, answers: z.null() },

  getRollout: { summary: "A rollout as it stands", status: 200, answers: m.Rollout },
  listLooks: {
    summary: "The looks of a rollout, for charts; at most 600, evenly thinned",
    query: z.object({ afterMs: z.coerce.number().min(-1).default(-1) }),
    status: 200,
    answers: m.pageOf(m.LookView),
  },
  explainRollout: {
    summary: "Replay the recorded evidence and compare every decision",
    status: 200,
    answers: m.Explanation,
  },
  actOnRollout: {
    summary: "Pause, resume, promote, roll back or abort, with a reason",
    body: z.strictObject({ action: m.RolloutAction, reason: z.string().min(1).max(500) }),
    status: 200,
    answers: m.Rollout,
  },

  listLedger: {
    summary: "Ledger entries, newest first",
    query: z.object({ ...paging, type: z.string().max(80).optional(), subject: z.string().max(80).optional() }),
    status: 200,
    answers: m.pageOf(m.LedgerEntry),
  },
  getLedgerEntry: { summary: "One ledger entry", status: 200, answers: m.LedgerEntry },
  getLedgerProof: {
    summary: "Inclusion proof of an entry under the newest checkpoint",
    status: 200,
    answers: m.LedgerProof,
  },
  getCheckpoint: { summary: "The newest signed checkpoint", status: 200, answers: m.Checkpoint },
  getLedgerConsistency: {
    summary: "Proof that the ledger of one size begins with the ledger of a smaller one (RFC 6962, section 2.1.2)",
    query: z.object({
      from: z.coerce.number().int("a whole number").min(1).max(Number.MAX_SAFE_INTEGER),
      /** The newest checkpoint's size. */
      to: z.coerce.number().int("a whole number").min(1).max(Number.MAX_SAFE_INTEGER).optional(),
    }),
    status: 200,
    answers: m.ConsistencyProof,
  },
  listSubjects: {
    summary: "The people that the records speak of, newest first",
    query: z.object(paging),
    status: 200,
    answers: m.pageOf(m.DataSubject),
  },
  eraseSubject: {
    summary: "Erase a person: destroys the key that all personal text of this person is encrypted with",
    status: 200,
    answers: m.DataSubject,
  },
  verifyLedger: {
    summary: "Walk the whole ledger and compare with the checkpoint",
    status: 200,
    answers: m.LedgerVerification,
  },

  listBackups: {
    summary: "Backups that this server keeps, newest first",
    status: 200,
    answers: z.object({ items: z.array(m.Backup), keep: z.int() }),
  },
  createBackup: {
    summary: "Take a backup of this installation while it works, and restore it for proof",
    body: z.strictObject({
      /** Restore it into a scratch database and compare. */
      verify: z.boolean().default(true),
      /** Put the keys in, closed with a key that the caller has made of a passphrase (scrypt, n 131072, r 8, p 1). */
      keys: z
        .strictObject({
          salt: z.base64().length(24),
          key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, "32 bytes in base64"),
        })
        .optional(),
    }),
    status: 202,
    answers: m.Backup,
  },
  getBackup: { summary: "A backup, also while it is taken", status: 200, answers: m.Backup },

  ...peopleContract,
  ...migrationsContract,
  ...previewsContract,
  ...promotionContract,
  ...flagContract,
  ...flagProposalContract,
  ...experimentContract,
  ...rollbackContract,
  ...zeroTouchContract,
  ...insightsContract,
  ...notificationContract,

  gatewayRouting: {
    summary: "Long-poll the routing table (see gateway.ts)",
    query: z.object({
      gateway: z.string().min(1).max(80),
      boot: z.string().max(80),
      epoch: z.coerce.number().int().min(0).max(GENERATION_MAX),
      n: z.coerce.number().int().min(0).max(GENERATION_MAX),
      waitMs: z.coerce.number().int().min(0).max(30_000).default(20_000),
    }),
    status: 200,
    answers: RoutingTable.nullable(),
  },
  gatewayReport: { summary: "Cumulative counts of a gateway", body: GatewayReport, status: 204, answers: z.null() },
} as const satisfies Record<RouteName, RouteSpec>;

export type Contract = typeof contract;
