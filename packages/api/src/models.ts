import { z } from "zod";
import { FlagsPutBack } from "./flags-back.ts";
import { GATES_MAX, GateConfig, GateResult } from "./gates.ts";
import { GithubConfig } from "./github.ts";
import { MetricConfigs } from "./metrics.ts";
import { PreviewsConfig } from "./previews.ts";
import { TargetConfig, TargetOverrides } from "./targets.ts";

/** What the API speaks of, as zod schemas; the TypeScript types are inferred from them. */
const when = z.iso.datetime({ offset: true });

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** Stable code, e.g. LK_ROLLOUT_STALE. */
  code: z.string(),
  detail: z.string(),
  /** What to do about it. */
  remedy: z.string(),
  requestId: z.string(),
  /** For bad input: which field, and what it must be. */
  fields: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

export const Role = z.enum(["owner", "deployer", "viewer", "ci", "gateway"]);
export const Principal = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["person", "token", "gateway", "system"]),
  role: Role,
});
export const Me = z.object({ principal: Principal, project: z.string(), version: z.string() });

export const Token = z.object({
  id: z.string(),
  name: z.string(),
  role: Role,
  createdAt: when,
  expiresAt: when,
  lastUsedAt: when.nullable(),
});

export const StrategyKind = z.enum(["canary", "blue_green", "all_at_once"]);
export const Step = z.object({
  trafficPercent: z.number().min(0).max(100),
  bakeMs: z.int().min(0),
  minimumRequests: z.int().min(0),
});

const healthWords = z.array(z.string().min(1).max(60)).max(20).optional();

/** The canonical form of a service's configuration: what `defineService` and YAML both become. */
export const ServiceConfig = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{1,38}[a-z0-9]$/, "3 to 40 of a-z, 0-9 and -, starting with a letter"),
  description: z.string().max(300).default(""),
  /** Folder of the service's sources, relative to the configuration file. */
  source: z.string().min(1).max(400),
  /** Commands run in `source`; `build` must write the artifact into $LATCHKEY_ARTIFACT. */
  build: z.array(z.string().min(1)).min(1).max(40),
  run: z.array(z.string().min(1)).min(1).max(40).default(["node", "server.mjs"]),
  environments: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{1,38}$/))
    .min(1)
    .max(10)
    .default(["production"]),
  /** The environments as a path: a release that serves one may be promoted to the next, which is then reached no other way. */
  promotions: z
    .array(
      z.strictObject({
        from: z.string().min(1).max(40),
        to: z.string().min(1).max(40),
        /** It goes on by itself once it has served `from` for `soakMs`. */
        automatic: z.boolean().default(false),
        soakMs: z.int().min(0).max(2_592_000_000).default(600_000),
      }),
    )
    .max(10)
    .optional(),
  /** An environment of its own for each open pull request; off when left out. */
  previews: PreviewsConfig.optional(),
  gates: z.array(GateConfig).max(GATES_MAX).default([]),
  health: z
    .strictObject({
      path: z.string().startsWith("/").default("/healthz"),
      readyTimeoutMs: z.int().min(1_000).max(600_000).default(30_000),
      /** Where in the JSON answer its state is, with dots between the names; `status` when left out. */
      field: z.string().min(1).max(200).optional(),
      /** The words of that state. With any of them given, a 200 alone says nothing. */
      healthy: healthWords,
      degraded: healthWords,
      unhealthy: healthWords,
    })
    .prefault({}),
  /** Smoke journeys on a preview address, before any traffic: GET paths and the status they must answer. */
  smoke: z
    .array(
      z.strictObject({
        path: z.string().startsWith("/"),
        status: z.int().min(100).max(599).default(200),
        contains: z.string().max(200).optional(),
      }),
    )
    .max(20)
    .default([]),
  /** Paths asked again and again before any traffic, so that no visitor meets a cold process; nobody checks the answers. */
  warmUp: z.array(z.string().startsWith("/")).max(20).default([]),
  /** Requests of Latchkey's own to both releases while a canary is judged, where visitors are too few. */
  synthetic: z
    .strictObject({
      /** In all, visitors' own counted in: what is missing is added, half to each release. */
      requestsPerSecond: z.number().min(0.1).max(20).default(5),
      journeys: z
        .array(
          z.strictObject({
            path: z.string().startsWith("/"),
            /** What is no GET or HEAD is sent only while both releases answer that they mark synthetic writes. */
            method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
            status: z.int().min(100).max(599).default(200),
            contains: z.string().max(200).optional(),
            /** Sent as JSON. */
            body: z.unknown().optional(),
          }),
        )
        .min(1)
        .max(20)
        .refine((list) => list.some(({ method }) => method === "GET" || method === "HEAD"), {
          error: "At least one journey must be a GET or HEAD: its answer tells whether writes may be sent.",
        }),
    })
    .optional(),
  routing: z
    .strictObject({
      /** Path prefixes whose requests are API calls, routed request by request; all else is sticky by visitor. */
      apiPrefixes: z.array(z.string().startsWith("/")).max(20).default(["/api/"]),
      injectBeacon: z.boolean().default(true),
      /** Host names of the service's first environment, or of its production where they are a path; without any, all that no other service names. */
      hosts: z
        .array(
          z
            .string()
            .regex(/^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$/, "a host name in small letters, such as www.example.com"),
        )
        .max(20)
        .default([]),
    })
    .prefault({}),
  /** The machinery that runs it; left out, processes of the server's machine behind Latchkey's gateway. */
  target: TargetConfig.optional(),
  /** Another target for some environments. */
  targets: TargetOverrides.optional(),
  strategy: z
    .strictObject({
      kind: StrategyKind.default("canary"),
      steps: z
        .array(Step)
        .min(1)
        .max(20)
        .default([
          { trafficPercent: 10, bakeMs: 30_000, minimumRequests: 50 },
          { trafficPercent: 25, bakeMs: 30_000, minimumRequests: 100 },
          { trafficPercent: 50, bakeMs: 30_000, minimumRequests: 100 },
        ]),
      maximumMs: z.int().min(10_000).max(86_400_000).default(1_800_000),
      onInconclusive: z.enum(["hold", "promote", "roll_back"]).default("hold"),
      holdbackPercent: z.number().min(0).max(50).default(5),
      holdbackMs: z.int().min(0).max(86_400_000).default(600_000),
      /** Blue-green: switch as soon as the smoke journeys pass, or wait at the preview address for a person. */
      autoPromote: z.boolean().default(true),
      /**
       * Deployments that wait and asked for a batch go out in one rollout: never (off), while a single rollout takes longer than
       * it takes for the next change to come (auto), or always. Left out in configurations of older versions.
       */
      batch: z
        .strictObject({
          when: z.enum(["off", "auto", "always"]).default("auto"),
          /** In one rollout. */
          maximumChanges: z.int().min(2).max(20).default(5),
        })
        .optional(),
    })
    .prefault({}),
  /** Going back after the rollout too. Left out in configurations of older versions: then the defaults hold. */
  rollback: z
    .strictObject({
      /** A release that served so lately is served again all at once, without gates and analysis; an older one is judged. */
      windowMs: z.int().min(0).max(2_592_000_000).default(86_400_000),
      /** Go back by itself when the release that serves is unhealthy, or does not answer, for longer than `unhealthyMs`. */
      whenUnhealthy: z.boolean().default(true),
      /** Go back as well when this instant PromQL query has answered more than `above` for longer than `unhealthyMs`. */
      whenBurning: z
        .strictObject({
          query: z
            .string()
            .trim()
            .min(1)
            .max(1_000)
            .refine(
              (query) =>
                [...query.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].every(([, w]) => w === "service" || w === "environment"),
              {
                message: "only {{service}} and {{environment}} are filled in here",
              },
            ),
          above: z.number(),
        })
        .optional(),
      unhealthyMs: z.int().min(1_000).max(3_600_000).default(60_000),
      /** How long after it was promoted a release is watched so. */
      watchMs: z.int().min(0).max(2_592_000_000).default(86_400_000),
      /** A canary that no server has watched for so long is taken back: the dead man's switch. */
      deadManMs: z.int().min(30_000).max(86_400_000).default(300_000),
      /** How long the release before keeps its process after a promotion, so that going back needs no start; it takes its memory. */
      keepWarmMs: z.int().min(0).max(86_400_000).default(600_000),
      /** Whether a rollback by Latchkey itself also puts back the flags that were changed since the rollout began. */
      withFlags: z.boolean().default(false),
    })
    .optional(),
  /** The repository that it is built from; left out by those who ship by hand. */
  github: GithubConfig.optional(),
  analysis: z
    .strictObject({
      alpha: z.number().min(1e-6).max(0.2).default(0.01),
      beta: z.number().min(1e-6).max(0.5).default(0.05),
      harmErrorRatio: z.number().min(0).max(0.5).default(0.0002),
      safeErrorRatio: z.number().min(0.0001).max(0.5).default(0.005),
      harmLatency: z.number().min(0).max(2).default(0.05),
      safeLatency: z.number().min(0.01).max(5).default(0.15),
      latencyFloorMs: z.number().min(0).max(10_000).default(10),
      settleMs: z.int().min(0).max(3_600_000).default(15_000),
      minimumBakeMs: z.int().min(0).max(86_400_000).default(120_000),
      minimumCanaryRequests: z.int().min(0).max(1_000_000).default(50),
      memoryGrowthRatio: z.number().min(0.05).max(10).default(0.5),
      restartLimit: z.int().min(1).max(100).default(3),
      /** What the service brings beside the built-in metrics; left out in configurations of older versions. */
      metrics: MetricConfigs.optional(),
    })
    .prefault({}),
});
export type ServiceConfig = z.infer<typeof ServiceConfig>;
export type ServiceConfigInput = z.input<typeof ServiceConfig>;

export const DeploymentStatus = z.enum([
  "building",
  "gating",
  "queued",
  "starting",
  "rolling_out",
  "holdback",
  "succeeded",
  "rolled_back",
  "failed_build",
  "failed_gate",
  "failed_start",
  "aborted",
  "superseded",
  /** The release is what the environment serves already: nothing was to do. */
  "unchanged",
]);
export type DeploymentStatus = z.infer<typeof DeploymentStatus>;

export const RolloutState = z.enum([
  "starting",
  "progressing",
  "paused",
  "promoting",
  "holdback",
  "rolling_back",
  "completed",
  "rolled_back",
  "aborted",
  "failed",
  "superseded",
]);
export type RolloutState = z.infer<typeof RolloutState>;

export const Verdict = z.enum(["FAIL", "PASS", "INCONCLUSIVE"]);

export const ReleaseSummary = z.object({
  id: z.string(),
  service: z.string(),
  number: z.int(),
  digest: z.string(),
  createdAt: when,
  createdBy: z.string(),
  commit: z.string().nullable(),
  branch: z.string().nullable(),
  message: z.string(),
  author: z.string(),
  /** True when the working tree held uncommitted changes. */
  dirty: z.boolean(),
  /** The fault built in for rehearsal, e.g. "errors=5%". */
  fault: z.string().nullable(),
  sizeBytes: z.int(),
});
export const Release = ReleaseSummary.extend({
  files: z.array(z.object({ path: z.string(), sha256: z.string(), sizeBytes: z.int() })),
  deployments: z.array(
    z.object({ id: z.string(), environment: z.string(), status: DeploymentStatus, createdAt: when }),
  ),
});

export const DeploymentSummary = z.object({
  id: z.string(),
  service: z.string(),
  environment: z.string(),
  status: DeploymentStatus,
  /** One sentence: what it is doing, or why it ended as it did. */
  words: z.string(),
  createdAt: when,
  finishedAt: when.nullable(),
  createdBy: z.string(),
  reason: z.string(),
  fault: z.string().nullable(),
  release: ReleaseSummary.nullable(),
  previousReleaseId: z.string().nullable(),
  rolloutId: z.string().nullable(),
  /** The deployment that this one went out with: they have one rollout, and end alike. */
  carrierId: z.string().nullable(),
  /** The batch that was rolled back, of which this one tries a part. */
  splitsId: z.string().nullable(),
  /** It goes back to an earlier release. */
  rollback: z.object({ automatic: z.boolean(), skipsAnalysis: z.boolean() }).nullable(),
  /** The environment that its release was promoted from. */
  promotedFrom: z.string().nullable(),
});

/** A change that goes out with others in one rollout. */
export const CarriedChange = z.object({
  /** The deployment that asked for it, and whose that is. */
  deploymentId: z.string(),
  createdBy: z.string(),
  releaseId: z.string(),
  releaseNumber: z.int(),
  commit: z.string().nullable(),
  message: z.string(),
  author: z.string(),
  /**
   * Once the batch was rolled back: `cleared` was promoted since, one of the `suspected` does harm, alone or with those before
   * it, and of the `unknown` ones nothing can be said yet. Null before.
   */
  standing: z.enum(["cleared", "suspected", "unknown"]).nullable(),
});
export type CarriedChange = z.infer<typeof CarriedChange>;

/** Where the search for the change that did harm stands, after a batch was rolled back. */
export const BatchSplit = z.object({
  /** The deployment that carried the batch. */
  batchId: z.string(),
  words: z.string(),
  canSplit: z.boolean(),
  /** What was deployed to tell. */
  trials: z.array(z.object({ deploymentId: z.string(), status: DeploymentStatus, changes: z.int() })),
});

export const Deployment = DeploymentSummary.extend({
  gates: z.array(GateResult),
  buildOutput: z.string(),
  changes: z.array(z.object({ commit: z.string(), message: z.string(), author: z.string(), at: when })),
  /** Of a batch, also of a part of one: its changes, oldest first; each release contains those before. Empty when alone. */
  carries: z.array(CarriedChange),
  /** Once a batch was rolled back that it is, or was, a part of. */
  split: BatchSplit.nullable(),
  /** Flags that were put back with its rollback; null where none were to be. */
  flags: FlagsPutBack.nullable(),
});

export const RolloutAction = z.enum(["pause", "resume", "promote", "roll_back", "abort"]);
export type RolloutAction = z.infer<typeof RolloutAction>;

export const ArmView = z.object({
  arm: z.enum(["baseline", "canary", "holdback"]),
  releaseId: z.string(),
  releaseNumber: z.int(),
  trafficPercent: z.number(),
  /** Totals since the rollout began. */
  requests: z.int(),
  errors: z.int(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  pageViews: z.int(),
  pageErrors: z.int(),
  users: z.int(),
  restarts: z.int(),
  residentBytes: z.int().nullable(),
});

export const MetricView = z.object({
  metric: z.string(),
  lnHarm: z.number(),
  weight: z.number(),
  lnSafe: z.number().nullable(),
  baselineValue: z.number().nullable(),
  canaryValue: z.number().nullable(),
  canaryLow: z.number().nullable(),
  canaryHigh: z.number().nullable(),
  baselineLow: z.number().nullable(),
  baselineHigh: z.number().nullable(),
  unit: z.enum(["ratio", "ms", "rate", "number"]),
  /** Of a metric that the service brings: whether it decides, what it is, and how much was counted on each release. */
  severity: z.enum(["critical", "watched", "muted"]).optional(),
  description: z.string().optional(),
  baselineCount: z.number().optional(),
  canaryCount: z.number().optional(),
  /** What its events are called and what they are counted per. */
  events: z.string().optional(),
  per: z.string().optional(),
  /**
   * How much more the canary has, with 95 % confidence at all looks together: of a ratio or rate the excess, of a time the
   * relative slowdown, of values in a histogram the chance that the canary's is the larger one, less 1/2. A bound is null where that side is open, all of it where nothing is excluded yet.
   */
  effect: z.object({ low: z.number().nullable(), high: z.number().nullable(), words: z.string() }).nullable(),
});
export const GuardView = z.object({
  guard: z.string(),
  state: z.enum(["quiet", "note", "hold", "harm"]),
  words: z.string(),
});
export const ReportView = z.object({
  atMs: z.number(),
  verdict: Verdict,
  reasons: z.array(z.string()),
  lnHarm: z.number(),
  lnHarmThreshold: z.number(),
  harmPValue: z.number(),
  lnSafe: z.number(),
  lnSafeThreshold: z.number(),
  canaryRequests: z.int(),
  baselineRequests: z.int(),
  metrics: z.array(MetricView),
  guards: z.array(GuardView),
  hold: z.boolean(),
  canaryRequestsToPass: z.number().nullable(),
});

export const DecisionView = z.object({
  sequence: z.int().nullable(),
  at: when,
  /** e.g. started, advanced, paused, resumed, promoted, rolled_back, completed. */
  kind: z.string(),
  words: z.string(),
  actor: z.string(),
  fromState: RolloutState,
  toState: RolloutState,
  trafficPercent: z.number(),
});

/** What a release did to those who met it. Failures "because of it" are those above the other release's own share. */
export const BlastRadius = z.object({
  users: z.int(),
  requests: z.int(),
  failedRequests: z.int(),
  failedBecauseOfIt: z.int(),
  brokenPages: z.int(),
  brokenBecauseOfIt: z.int(),
  exposedMs: z.number(),
  words: z.string(),
});

export const Rollout = z.object({
  id: z.string(),
  deploymentId: z.string(),
  service: z.string(),
  environment: z.string(),
  state: RolloutState,
  strategy: StrategyKind,
  steps: z.array(Step),
  /** Without proof this long after exposure, `onInconclusive` decides. */
  maximumMs: z.int(),
  onInconclusive: z.enum(["hold", "promote", "roll_back"]),
  holdbackPercent: z.number(),
  holdbackMs: z.int(),
  /** When traffic first went to the canary. */
  exposedAt: when.nullable(),
  stepIndex: z.int(),
  trafficPercent: z.number(),
  generation: z.object({ epoch: z.int(), n: z.int() }),
  /** True once every live gateway has acknowledged the generation. */
  acknowledged: z.boolean(),
  startedAt: when,
  stepStartedAt: when,
  finishedAt: when.nullable(),
  /** When the next thing happens by itself, if nothing else does, and what: one sentence. */
  next: z.object({ at: when.nullable(), words: z.string() }),
  /** What may be done now. */
  allowedActions: z.array(RolloutAction),
  canary: ReleaseSummary,
  baseline: ReleaseSummary.nullable(),
  arms: z.array(ArmView),
  /** Null before its first traffic. */
  blastRadius: BlastRadius.nullable(),
  report: ReportView.nullable(),
  /** From the newest decision on who is served until everybody was; null before that. */
  /** While a provider or a script brings the release up: what it says, oldest first, the last 20 lines. Empty otherwise. */
  progress: z.array(z.object({ at: z.iso.datetime(), words: z.string() })),
  servingTime: z.object({ way: z.enum(["back", "on"]), ms: z.number() }).nullable(),
  decisions: z.array(DecisionView),
  previewUrl: z.string().nullable(),
  /** The changes that it carries, oldest first: its own deployment's is the last. */
  carries: z.array(CarriedChange),
  split: BatchSplit.nullable(),
});
export type Rollout = z.infer<typeof Rollout>;

/** One look, thinned for charts. */
export const LookView = z.object({
  atMs: z.number(),
  at: when,
  trafficPercent: z.number(),
  verdict: Verdict,
  lnHarm: z.number(),
  lnSafe: z.number(),
  baselineRequests: z.int(),
  canaryRequests: z.int(),
  metrics: z.array(MetricView),
});

export const Explanation = z.object({
  rolloutId: z.string(),
  words: z.array(z.string()),
  /** Looks replayed through the judge and the state machine as they were recorded. */
  looks: z.int(),
  /** True when every replayed decision equals the recorded one. */
  agrees: z.boolean(),
  evidenceSha256: z.string(),
  evidenceIntact: z.boolean(),
  deciderVersion: z.string(),
  report: ReportView.nullable(),
  decisions: z.array(DecisionView),
});

export const TrafficSample = z.object({
  at: when,
  requestsPerSecond: z.number(),
  errorRatio: z.number().nullable(),
  p95Ms: z.number().nullable(),
});
export const ServiceSummary = z.object({
  name: z.string(),
  description: z.string(),
  url: z.string(),
  environments: z.array(
    z.object({
      name: z.string(),
      serving: ReleaseSummary.nullable(),
      deployment: DeploymentSummary.nullable(),
      rolloutId: z.string().nullable(),
      /** Figures of the last minute through the gateway. */
      requestsPerSecond: z.number(),
      errorRatio: z.number().nullable(),
      p95Ms: z.number().nullable(),
      /** The last 15 minutes of this server's life in steps of 5 s, oldest first. */
      recent: z.array(TrafficSample),
    }),
  ),
});
export const Service = ServiceSummary.extend({
  config: ServiceConfig,
  configDigest: z.string(),
  manager: z.enum(["file", "console", "terraform"]),
});
export const ConfigChange = z.object({ path: z.string(), before: z.unknown(), after: z.unknown() });

/** A backup of the installation: one file in the server's folder. */
export const Backup = z.object({
  id: z.string(),
  state: z.enum(["running", "kept", "failed"]),
  createdAt: when,
  finishedAt: when.nullable(),
  takenBy: z.string(),
  /** What it does now; null when it is over. */
  progress: z.object({ words: z.string(), percent: z.int().min(0).max(100).nullable() }).nullable(),
  /** Why it failed: a sentence. */
  problem: z.string().nullable(),
  file: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  durationMs: z.int().nullable(),
  contents: z
    .object({
      tables: z.int(),
      rows: z.int(),
      ledger: z.object({ size: z.int(), rootHash: z.string() }),
      artifacts: z.int(),
      artifactBytes: z.int(),
      missingArtifacts: z.array(z.string()),
      /** Key files that are in it, closed with a passphrase. */
      keys: z.array(z.string()),
      /** Databases of the workloads, which are not in it. */
      notIncluded: z.array(z.string()),
      /** What is in it and what is not, in sentences. */
      words: z.array(z.string()),
    })
    .nullable(),
  verification: z
    .object({ state: z.enum(["verified", "skipped", "impossible"]), at: when, words: z.string() })
    .nullable(),
});
export type Backup = z.infer<typeof Backup>;

/** A ledger entry: a CloudEvents 1.0 envelope with Latchkey's extensions. */
export const LedgerEntry = z.object({
  sequence: z.int(),
  id: z.string(),
  type: z.string(),
  source: z.string(),
  subject: z.string(),
  project: z.string(),
  actor: z.object({ id: z.string(), kind: z.string(), name: z.string() }),
  occurredAt: when,
  recordedAt: when,
  causation: z.string().nullable(),
  correlation: z.string().nullable(),
  schemaVersion: z.int(),
  data: z.record(z.string(), z.unknown()),
  /** RFC 6962 leaf hash, hex. */
  leafHash: z.string(),
});
export const Checkpoint = z.object({
  origin: z.string(),
  size: z.int(),
  rootHash: z.string(),
  /** The signed note as text, and the Ed25519 public key (base64). */
  note: z.string(),
  publicKey: z.string(),
});
export const LedgerProof = z.object({
  entry: LedgerEntry,
  /** The exact bytes that the leaf hash is of, as text. */
  canonical: z.string(),
  leafHash: z.string(),
  proof: z.array(z.string()),
  checkpoint: Checkpoint,
});
const TreeHead = z.object({ size: z.int(), rootHash: z.string() });
export const ConsistencyProof = z.object({
  from: TreeHead,
  to: TreeHead,
  /** Hashes, hex, as RFC 6962 orders them. */
  proof: z.array(z.string()),
  checkpoint: Checkpoint,
});
/** A person whose personal text is encrypted with a key of its own. */
export const DataSubject = z.object({
  id: z.string(),
  /** "erased" once the key is destroyed. */
  name: z.string(),
  createdAt: when,
  erasedAt: when.nullable(),
});
export const LedgerVerification = z.object({
  ok: z.boolean(),
  size: z.int(),
  rootHash: z.string(),
  words: z.string(),
  firstBadSequence: z.int().nullable(),
});

export const SystemView = z.object({
  version: z.string(),
  nodeVersion: z.string(),
  startedAt: when,
  residentBytes: z.int(),
  database: z.object({ version: z.string(), embedded: z.boolean(), sizeBytes: z.int() }),
  gateways: z.array(
    z.object({
      id: z.string(),
      live: z.boolean(),
      seenAt: when,
      applied: z.object({ epoch: z.int(), n: z.int() }),
      residentBytes: z.int(),
    }),
  ),
  /** The servers that share this database and were heard of within ten seconds, the oldest first. */
  servers: z.array(
    z.object({
      id: z.string(),
      version: z.string(),
      /** Servers with the same name look after the same processes. */
      machine: z.string(),
      startedAt: when,
      /** Its controllers build, roll out and look after releases; the others' wait. */
      holdsLease: z.boolean(),
    }),
  ),
  /** The routing's newest generation: a gateway that has applied it is up to date. */
  generation: z.object({ epoch: z.int(), n: z.int() }),
  ledger: z.object({
    size: z.int(),
    signedSize: z.int(),
    publicKey: z.string(),
    /** Whether PostgreSQL itself keeps the server from changing entries; if not, what to do. */
    protectedByRoles: z.boolean(),
    remedy: z.string().nullable(),
  }),
});

export const Pressure = z.enum(["fine", "busy", "full"]);
export const HealthView = z.object({
  at: when,
  /** Seconds between the values of `recent`. */
  everyS: z.int(),
  /** The worst of all figures. */
  state: Pressure,
  figures: z.array(
    z.object({
      key: z.string(),
      group: z.enum(["server", "database", "clients"]),
      label: z.string(),
      unit: z.enum(["ms", "part", "count", "bytes"]),
      value: z.number(),
      /** In the same unit; null where there is none. */
      limit: z.number().nullable(),
      state: Pressure,
      words: z.string(),
      /** What to do; null while it is fine. */
      remedy: z.string().nullable(),
      /** The last 15 minutes, oldest first; null where nothing is kept. */
      recent: z.array(z.number()).nullable(),
    }),
  ),
  /** Which server decides about rollouts; null before the first ever did. */
  lease: z.object({ heldHere: z.boolean(), owner: z.string(), fence: z.int(), live: z.boolean() }).nullable(),
});

/** `pageOf(Item)`: every list answers this. `next` is the cursor of the following page. */
export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });
