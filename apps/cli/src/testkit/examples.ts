import { createHash, generateKeyPairSync, sign } from "node:crypto";
import type { Answer } from "@latchkey/api/client";
import { ServiceConfig } from "@latchkey/api/models";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { leafHash, nodeHash, type Sha256 } from "@latchkey/core/shared/merkle";

/** One example of everything that the API answers, as a server in the middle of a rollout gives it. */
const AT = "2026-11-25T02:00:00.000Z";
export const release = {
  id: "rel_2",
  service: "leads",
  number: 2,
  digest: "d2",
  createdAt: AT,
  createdBy: "root",
  commit: "0123456789abcdef",
  branch: "main",
  message: "A better form",
  author: "Ada",
  dirty: false,
  fault: null,
  sizeBytes: 1_000_000,
};
export const deployment: Answer<"getDeployment"> = {
  id: "dep_1",
  service: "leads",
  environment: "production",
  status: "rolling_out",
  words: "It takes its first 10 % of the traffic.",
  createdAt: AT,
  finishedAt: null,
  createdBy: "root",
  reason: "",
  fault: null,
  release,
  previousReleaseId: "rel_1",
  rolloutId: "rol_1",
  carrierId: null,
  splitsId: null,
  promotedFrom: null,
  rollback: null,
  carries: [],
  split: null,
  flags: null,
  gates: [
    {
      ...{
        name: "tests",
        kind: "command",
        owner: null,
        status: "passed",
        required: true,
        startedAt: AT,
        finishedAt: AT,
      },
      ...{ words: "Its command ended with exit code 0.", figures: [], details: [], output: "", waiver: null },
    },
  ],
  buildOutput: "",
  changes: [{ commit: "0123456789abcdef", message: "A better form", author: "Ada", at: AT }],
};
export const waiver: Answer<"createWaiver"> = {
  ...{ id: "wai_1", service: "leads", gate: "tests", reason: "their server is moved", couldNotRun: false },
  ...{ waivedBy: "root", createdAt: AT, until: AT, revokedAt: null, isInForce: true },
};
export const evidence: Answer<"submitEvidence"> = {
  ...{ id: "evi_1", service: "leads", gate: "tests", commit: "0".repeat(40), sha256: "1".repeat(64) },
  ...{ url: null, sentBy: "ci", sentAt: AT },
};
const arm = { p50Ms: 10, p95Ms: 20, pageViews: 0, pageErrors: 0, users: 5, restarts: 0, residentBytes: null };
export const decision: Answer<"getRollout">["decisions"][number] = {
  sequence: 7,
  at: AT,
  kind: "exposed",
  words: "The release takes its first 10 % of the traffic.",
  actor: "Latchkey",
  fromState: "starting",
  toState: "progressing",
  trafficPercent: 10,
};
export const change: Answer<"getRollout">["carries"][number] = {
  deploymentId: "dep_1",
  createdBy: "root",
  releaseId: "rel_2",
  releaseNumber: 2,
  commit: "0123456789abcdef",
  message: "A better form",
  author: "Ada",
  standing: null,
};
export const rollout: Answer<"getRollout"> = {
  id: "rol_1",
  deploymentId: "dep_1",
  service: "leads",
  environment: "production",
  state: "progressing",
  strategy: "canary",
  steps: [{ trafficPercent: 10, bakeMs: 1, minimumRequests: 1 }],
  maximumMs: 60_000,
  onInconclusive: "hold",
  holdbackPercent: 5,
  holdbackMs: 60_000,
  exposedAt: AT,
  stepIndex: 0,
  trafficPercent: 10,
  generation: { epoch: 1, n: 3 },
  acknowledged: true,
  startedAt: AT,
  stepStartedAt: AT,
  finishedAt: null,
  next: { at: null, words: "On to 50 % after its bake time, unless harm shows." },
  allowedActions: ["pause", "promote", "roll_back", "abort"],
  canary: release,
  baseline: { ...release, id: "rel_1", number: 1 },
  arms: [
    { ...arm, arm: "baseline", releaseId: "rel_1", releaseNumber: 1, trafficPercent: 90, requests: 90, errors: 0 },
    { ...arm, arm: "canary", releaseId: "rel_2", releaseNumber: 2, trafficPercent: 10, requests: 10, errors: 0 },
  ],
  report: null,
  decisions: [decision],
  progress: [],
  servingTime: null,
  blastRadius: {
    users: 5,
    requests: 40,
    failedRequests: 1,
    failedBecauseOfIt: 1,
    brokenPages: 0,
    brokenBecauseOfIt: 0,
    exposedMs: 45_000,
    words: "About 5 visitors met it with 40 requests in 45 s; 1 request failed because of it.",
  },
  previewUrl: null,
  carries: [change],
  split: null,
};
export const config = ServiceConfig.parse({ name: "leads", source: ".", build: ["make"] });
const place = {
  name: "production",
  serving: { ...release, id: "rel_1", number: 1 },
  deployment: null,
  rolloutId: "rol_1" as string | null,
  requestsPerSecond: 1.5,
  errorRatio: 0,
  p95Ms: 20,
  recent: [],
};
export const summary = { name: "leads", description: "Leads", url: "http://127.0.0.1:7480", environments: [place] };
export const service: Answer<"getService"> = { ...summary, config, configDigest: "abcdef", manager: "file" };
export const idle: Answer<"getService"> = { ...service, environments: [{ ...place, rolloutId: null }] };
export const token = {
  id: "tok_1",
  name: "ci",
  role: "viewer" as const,
  createdAt: AT,
  expiresAt: AT,
  lastUsedAt: null,
};

const sha256: Sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const hex = (hash: Uint8Array): string => Buffer.from(hash).toString("hex");
const bare = {
  sequence: 0,
  id: "evt_0",
  type: "delivery.rollout.exposed",
  source: "latchkey/server",
  subject: "rollout/rol_1",
  project: "main",
  actor: { id: "system", kind: "system", name: "Latchkey" },
  occurredAt: AT,
  recordedAt: AT,
  causation: null,
  correlation: "dep_1",
  schemaVersion: 1,
  data: { words: "It takes 10 %." },
};
const canonical = canonicalJson({ specversion: "1.0", ...bare });
const leaf = leafHash(sha256, Buffer.from(canonical, "utf8"));
export const entry: Answer<"getLedgerEntry"> = { ...bare, leafHash: hex(leaf) };

/** A ledger of two entries, signed as the server signs its checkpoints. */
function signedCheckpoint(): Answer<"getLedgerProof"> {
  const sibling = leafHash(sha256, Buffer.from("another entry", "utf8"));
  const root = Buffer.from(nodeHash(sha256, leaf, sibling));
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const origin = "latchkey/ledger";
  const text = `${origin}\n2\n${root.toString("base64")}\n`;
  const keyHash = sha256(Buffer.from(`${origin}\n`), new Uint8Array([1]), raw).subarray(0, 4);
  const signature = Buffer.concat([keyHash, sign(null, Buffer.from(text), privateKey)]).toString("base64");
  return {
    entry,
    canonical,
    leafHash: hex(leaf),
    proof: [hex(sibling)],
    checkpoint: {
      origin,
      size: 2,
      rootHash: root.toString("hex"),
      note: `${text}\n\u2014 ${origin} ${signature}\n`,
      publicKey: raw.toString("base64"),
    },
  };
}
export const proof = signedCheckpoint();
export const consistency: Answer<"getLedgerConsistency"> = {
  from: { size: 1, rootHash: hex(leaf) },
  to: { size: 2, rootHash: proof.checkpoint.rootHash },
  proof: proof.proof,
  checkpoint: proof.checkpoint,
};
export const subject: Answer<"eraseSubject"> = {
  id: `sub_${"0a".repeat(16)}`,
  name: "Ada Lovelace",
  createdAt: AT,
  erasedAt: null,
};
export const system: Answer<"getSystem"> = {
  version: "0.1.0",
  nodeVersion: "20.20.2",
  startedAt: AT,
  residentBytes: 100_000_000,
  database: { version: "17.10", embedded: true, sizeBytes: 9_000_000 },
  gateways: [{ id: "gw_1", live: true, seenAt: AT, applied: { epoch: 1, n: 3 }, residentBytes: 80_000_000 }],
  servers: [{ id: "srv_1", version: "0.1.0", machine: "0123456789abcdef", startedAt: AT, holdsLease: true }],
  generation: { epoch: 1, n: 3 },
  ledger: { size: 2, signedSize: 2, publicKey: proof.checkpoint.publicKey, protectedByRoles: true, remedy: null },
};
export const health: Answer<"getHealth"> = {
  at: AT,
  everyS: 10,
  state: "busy",
  figures: [
    {
      key: "pool",
      group: "database",
      label: "Connections in use",
      unit: "count",
      value: 12,
      limit: 12,
      state: "busy",
      words: "3 wait for one now.",
      remedy: "Look at PostgreSQL.",
      recent: [1, 12],
    },
    {
      key: "memory",
      group: "server",
      label: "Memory",
      unit: "bytes",
      value: 100_000_000,
      limit: 4_000_000_000,
      state: "fine",
      words: "Objects take 2 % of what they may.",
      remedy: null,
      recent: null,
    },
  ],
  lease: { heldHere: true, owner: "host/1", fence: 3, live: true },
};
export const explanation: Answer<"explainRollout"> = {
  rolloutId: "rol_1",
  words: ["It was promoted."],
  looks: 3,
  agrees: true,
  evidenceSha256: "e",
  evidenceIntact: true,
  deciderVersion: "1",
  report: null,
  decisions: [decision],
};
export const page = <T>(...items: T[]) => ({ items, next: null });

export const backup: Answer<"getBackup"> = {
  id: "bak_1",
  state: "kept",
  createdAt: AT,
  finishedAt: AT,
  takenBy: "root",
  progress: null,
  problem: null,
  file: "bak_1.tar",
  sizeBytes: 1_000_000,
  durationMs: 900,
  contents: {
    tables: 20,
    rows: 1_000,
    ledger: { size: 400, rootHash: "r" },
    artifacts: 2,
    artifactBytes: 500_000,
    missingArtifacts: [],
    keys: [],
    notIncluded: ["leads_production"],
    words: ["In it: 20 tables with 1000 rows."],
  },
  verification: { state: "verified", at: AT, words: "Restored into a scratch database." },
};

const finding = (size: number, chance: number, medianMs: number | null, p90Ms: number | null) => ({
  ...{ size, runs: 40, found: Math.round(40 * chance), chance, medianMs, p90Ms },
  ...{ chanceLow: Math.max(0, chance - 0.1), chanceHigh: Math.min(1, chance + 0.1) },
  canaryRequests: medianMs === null ? null : Math.round(medianMs / 100_000),
  visitorRequests: medianMs === null ? null : Math.round(medianMs / 100_000),
  users: medianMs === null ? null : Math.ceil(medianMs / 300_000),
});
const outage = finding(1, 1, 400_000, 900_000);
const errorFindings = [finding(0.01, 0, null, null), finding(0.2, 0.6, 1_100_000, null), outage];
const slowdownFindings = [finding(0.1, 0, null, null), finding(9, 0.35, null, null)];
const plannedStrategy = (trafficPercent: number) => ({
  steps: [{ trafficPercent, bakeMs: 30_000, minimumRequests: 50 }],
  ...{ maximumMs: 1_200_000, onInconclusive: "promote" as const, holdbackPercent: 20, holdbackMs: 86_400_000 },
});
export const planned: Answer<"planCanary"> = {
  ...{ state: "done", done: 1_100, of: 1_100 },
  traffic: {
    ...{ measured: true, hours: 168, requestsPerHour: 72, quietestHour: 4, busiestHour: 210 },
    ...{ errorRatio: 0.001, latencyMedianMs: 104, requestsPerUser: 3, syntheticPerSecond: 0 },
  },
  strategy: plannedStrategy(25),
  pace: {
    ...{ rolloutMs: 1_200_000, rollouts: 12, changes: 20, changesPerDay: 90, alonePerDay: 72, batchedPerDay: 360 },
    ...{ maximumChanges: 5, outpaced: true, when: "auto" },
  },
  played: ["Failures are played one by one, as they came on the release that serves."],
  plan: {
    healthy: {
      ...{ runs: 200, falseRollbacks: 0, falseRollbackHigh: 0.0188, falseRollbackBound: 0.01 },
      ...{ proved: 0, promotedUnproved: 200, passMedianMs: null, passP90Ms: null, passCanaryRequests: null },
    },
    errors: { smallest: outage, findings: errorFindings },
    slowdown: { smallest: null, findings: slowdownFindings },
    metrics: [
      { metric: "leads", direction: "down_is_bad", smallest: finding(0.3, 0.95, 600_000, 900_000), findings: [] },
    ],
    needs: [
      { verdict: "FAIL", harm: { kind: "errors", size: 1 }, canaryRequests: 4, atMs: 400_000 },
      { verdict: "PASS", harm: null, canaryRequests: 911, atMs: 91_100_000 },
    ],
    ...{ requestsForProof: 911, lookMs: 2_000 },
    suggestion: {
      strategy: plannedStrategy(50),
      provesInTime: false,
      words: ["At 72 requests an hour a release can't be proved safe within 20 minutes."],
      ways: [{ way: "longer", words: "More time: about 26 hours." }],
      errors: { smallest: outage, findings: [outage] },
      slowdown: { smallest: null, findings: [] },
      residual: { errorRatio: 0.1, chance: 0.125, chanceHigh: 0.26, runs: 40 },
    },
  },
};

export const channel: Answer<"listNotificationChannels">["items"][number] = {
  ...{ id: "ntc_1", name: "ours", kind: "webhook", enabled: true, state: "failing", failures: 2, createdAt: AT },
  settings: { words: "https://example.com/hook", updates: false },
  ...{ restsUntil: null, lastSuccessAt: AT, lastFailureAt: AT, lastFailure: "It answered 503." },
  ...{ waiting: 3, held: 1, dead: 1, dropped: 0 },
};
export const rule: Answer<"listNotificationRules">["items"][number] = {
  ...{ id: "ntr_1", name: "What matters", enabled: true, channelIds: ["ntc_1"], severity: "auto", createdAt: AT },
  ...{ types: ["delivery.rollout.*"], services: [], environments: [], outcomes: ["rolled_back", "failed"] },
  quietHours: { timeZone: "Europe/Berlin", days: ["mon"], from: "22:00", to: "07:00" },
  quietUntil: AT,
};
export const delivery: Answer<"listNotificationDeliveries">["items"][number] = {
  ...{ id: "ntf_1", channelId: "ntc_1", channelName: "ours", type: "delivery.rollout.rolled_back" },
  ...{ title: "leads in production: rolled back", severity: "critical", sequence: 7, path: "/rollouts/rol_1" },
  ...{ state: "dead", tries: 8, nextAt: null, createdAt: AT, endedAt: AT, lastFailure: "It answered 503." },
};
export const pipelineChange: Answer<"getChange"> = {
  service: "leads",
  key: "pr-12",
  state: "merged",
  title: "A better form",
  author: "Ada",
  pullRequest: 12,
  commit: "0123456789abcdef0123456789abcdef01234567",
  url: "https://github.com/acme/leads/pull/12",
  openedAt: AT,
  mergedAt: AT,
  committedAt: AT,
  deployedAt: AT,
  deploymentId: "dep_1",
  leadTimeMs: 3_600_000,
};
const stage = { state: "done" as const, startedAt: AT, durationMs: 60_000, words: "" };
export const pipeline: Answer<"getPipeline"> = {
  items: [
    {
      service: "leads",
      environment: "production",
      change: pipelineChange,
      stage: "canary",
      stages: [
        { ...stage, name: "open" },
        { ...stage, name: "canary", state: "running" },
      ],
      trafficPercent: 10,
      blockedBy: "It holds: see the guards.",
      over: false,
      deploymentId: "dep_1",
      rolloutId: "rol_1",
    },
  ],
  connections: [
    {
      service: "leads",
      repository: "acme/leads",
      branch: "main",
      seenCommit: null,
      fetchedAt: null,
      problem: "main of acme/leads could not be fetched: no route",
    },
  ],
  github: {
    webhooks: "ready",
    api: "no_token",
    identity: "nobody",
    waitingDeliveries: 0,
    unreadableDeliveries: 0,
    lateReports: 0,
  },
};

export const person: Answer<"addPerson"> = {
  ...{ id: "per_1", name: "Ada Lovelace", role: "deployer", raci: ["sre"], commitNames: [], githubLogin: "ada-l" },
  ...{ createdAt: AT, isMe: false },
};
export const approval: Answer<"getApproval"> = {
  ...{ id: "apr_1", subject: "deployment/dep_1", gate: "four eyes", service: "leads", environment: "production" },
  ...{ words: "leads release 2 to production: A better form", state: "waiting", needed: 1, roles: ["sre"] },
  ...{ askedBy: "root", createdAt: AT, endedAt: null, voices: [], whyNot: null },
};
export const freeze: Answer<"addFreeze"> = {
  ...{ id: "frz_1", service: "leads", environment: null, reason: "maintenance", beginsAt: AT },
  ...{ endsAt: "2026-11-25T04:00:00.000Z", createdBy: "root", isActive: true },
};

export const pause: Answer<"listDeploymentPauses">["items"][number] = {
  service: "leads",
  environment: "production",
  since: AT,
  pausedBy: "Ada",
  reason: "wrong prices",
  leftRelease: release,
  waiting: 2,
};
export const flagsPutBack: Answer<"rollBack">["flags"] = {
  ...{ since: AT, words: "1 flag put back: new-form. old-form was left as it is: it is archived." },
  putBack: [{ flag: "new-form", version: 4, words: "" }],
  left: [{ flag: "old-form", words: "it is archived" }],
};
export const rollbackPlan: Answer<"planRollback"> = {
  service: "leads",
  environment: "production",
  serving: release,
  target: { ...release, id: "rel_1", number: 1 },
  how: "all_at_once",
  words: "Release 1 is started and then serves all visitors at once.",
  undoes: [release],
  changes: [{ commit: "0123456789abcdef", message: "A better form", author: "Ada", at: AT }],
  cautions: ["Make sure that this release can work with its schema."],
  configuration: [{ path: "rollback.unhealthyMs", before: 60_000, after: 30_000 }],
  flags: {
    since: AT,
    words: "1 flag changed here since the rollout began: new-form.",
    items: [
      {
        ...{ flag: "new-form", version: 3, fromVersion: 2, isPutBack: true, words: "" },
        changes: [{ path: "environments.production.isEnabled", before: true, after: false }],
      },
    ],
  },
  candidates: [
    {
      release: { ...release, id: "rel_1", number: 1 },
      servedFrom: AT,
      servedUntil: AT,
      inWindow: true,
      filesKept: true,
    },
  ],
  pause,
};

export const netlifyEdge: Answer<"getNetlifyEdge"> = {
  ...{ service: "leads", environment: "production", siteId: "leads.example.com", servedAfterMs: 12_000 },
  variable: "https://latchkey.example.com/edge/netlify/0123456789abcdef#a-secret",
};

export const target: Answer<"listTargets">["items"][number] = {
  ...{ service: "leads", environment: "production", kind: "haproxy", routedBy: "target", state: "serving" },
  words: "It serves these shares.",
  shares: [
    { arm: "baseline", release: "leads@1", releaseId: "rel_1", address: "127.0.0.1:4001", trafficPercent: 90 },
    { arm: "canary", release: "leads@2", releaseId: "rel_2", address: "127.0.0.1:4002", trafficPercent: 10 },
  ],
  ...{
    generation: { epoch: 1, n: 4 },
    acknowledged: { epoch: 1, n: 4 },
    acknowledgedAt: AT,
    error: null,
    errorAt: null,
  },
  notes: ["HAProxy runs by this file: haproxy -f haproxy.cfg"],
};

export const automation: Answer<"getAutomation"> = {
  ...{ from: AT, to: AT },
  coverage: { count: 9, of: 10, ratio: 0.9, goal: 0.9, holds: true },
  failed: { count: 1, of: 10, ratio: 0.1, goal: 0.01, holds: false },
  reliability: { count: 0, of: 0, ratio: null, goal: 0.99, holds: null },
  days: [{ day: "2026-01-01", deployments: 10, automatic: 9, failed: 1, ended: 10, broken: 0 }],
  exceptions: [
    { deploymentId: "dep_1", service: "leads", endedAt: AT, kind: "attended", words: "A person asked for it." },
  ],
};

export const zeroTouchPreview: Answer<"previewZeroTouch"> = {
  ...{ service: "leads", environment: "production", commit: "0".repeat(40), since: "1".repeat(40) },
  words: "A person would be asked.",
  items: [
    {
      ...{ gate: "zero touch", alone: false },
      reasons: [{ rule: "attended", holds: false, words: "A person must look at db/1.sql." }],
    },
  ],
};
export const zeroTouch: Answer<"getZeroTouch"> = {
  items: [
    {
      ...{ deploymentId: "dep_1", gate: "zero touch", alone: false, decidedAt: AT, version: "zero-touch-1" },
      reasons: [
        { rule: "size", holds: true, words: "It is small: 1 file with 2 changed lines." },
        { rule: "attended", holds: false, words: "A person must look at db/1.sql." },
      ],
      isReplayed: true,
    },
  ],
};

export const preview: Answer<"listPreviews">["items"][number] = {
  ...{ service: "leads", name: "pr-12", pullRequest: 12, state: "ready", words: "Serves commit 5d41402a." },
  ...{ branch: "topic", commit: "5d41402a".repeat(5), servingCommit: "5d41402a".repeat(5) },
  ...{ address: "http://pr-12.leads.localhost:7480/", createdAt: AT, endsAt: AT },
};

export const promotion: Answer<"listPromotions">["items"][number] = {
  isTakenBack: false,
  ...{ service: "leads", from: "staging", to: "production", automatic: true, soakMs: 600_000, state: "soaking" },
  words: "Release 2 serves staging and must do so for a while longer.",
  ...{ readyAt: AT, release, serving: { ...release, id: "rel_1", number: 1 }, apart: 1, deploymentId: null },
};

export const schema: Answer<"listMigrations">["items"][number] = {
  ...{ environment: "production", folder: "db" },
  migrations: [
    {
      ...{ file: "0001-lead.sql", phase: "expand", sha256: "0".repeat(64), state: "applied", words: "" },
      ...{ releaseId: "rel_1", startedAt: AT, finishedAt: AT, durationMs: 12 },
    },
  ],
  next: { file: "0003-contract-mail.sql", waits: "A deployment is under way.", failed: false },
  baseline: null,
};

export const migrationPlan: Answer<"planMigrations"> = {
  ...{ environment: "production", blocked: null },
  files: [
    {
      ...{ file: "schema.sql", phase: "expand", state: "runs", words: "It runs before the canary starts." },
      findings: [],
      tables: [{ table: "public.lead", rows: 1_200_000, bytes: 500_000_000 }],
    },
  ],
};

export const baselined: Answer<"baselineSchema"> = {
  ...{ environment: "production", state: "baselined", compared: 8 },
  files: [{ file: "schema.sql", sha256: "0".repeat(64) }],
  differences: { total: 0, items: [] },
  unexplained: { total: 1, items: ["table notes"] },
  untold: { total: 1, items: [{ file: "schema.sql", line: 9 }] },
};
