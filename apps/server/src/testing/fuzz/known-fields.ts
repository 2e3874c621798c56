import fc, { type Arbitrary } from "fast-check";
import { Known, type Value } from "./value.ts";

/** What a field's name promises: with these values a request gets past the first checks, deep into the product. */
export interface Field {
  readonly values: Arbitrary<Value>;
  /** How often, against one value that is made from the schema alone. */
  readonly weight: number;
  /** Always there, and no other values: what they would start costs too much, or should not run at all. */
  readonly isOnly?: boolean;
  /** Only where the schema is of this type. */
  readonly type?: string;
}

const known = (kind: string, weight = 6): Field => ({ values: fc.nat(1_000).map((n) => new Known(kind, n)), weight });
const of = (...values: Value[]): Field => ({ values: fc.constantFrom(...values), weight: 6 });
const only = (...values: Value[]): Field => ({ ...of(...values), isOnly: true });
/** Commands of the workload: a made-up one could be anything. */
const command = (...args: string[]): Field => ({ ...only(["node", ...args]), type: "array" });

const STEPS: Value[] = [
  [{ trafficPercent: 10, bakeMs: 0, minimumRequests: 100 }],
  [
    { trafficPercent: 10, bakeMs: 0, minimumRequests: 0 },
    { trafficPercent: 50, bakeMs: 1_000, minimumRequests: 100 },
  ],
];

const FLAG: Value = {
  environments: {
    production: {
      isEnabled: true,
      otherwise: { kind: "rollout", variant: "on", against: "off", percent: 10 },
    },
  },
};

/** Within what waivers and freezes may last. */
const DAYS_AHEAD = new Date(Date.now() + 20 * 86_400_000).toISOString();

/** By the field's name; "name:type" where it means something else in another type. */
export const KNOWN_FIELDS: Readonly<Record<string, Field>> = {
  project: { ...of("main"), weight: 20 },
  service: known("service"),
  tokenId: known("token"),
  releaseId: known("release"),
  deploymentId: known("deployment"),
  rolloutId: known("rollout"),
  change: known("change"),
  file: known("migration"),
  subjectId: known("person"),
  personId: known("member"),
  approvalId: known("approval"),
  freezeId: known("freeze"),
  waiverId: known("waiver"),
  preview: of("preview-one", "preview-two", "preview-three"),
  branch: of("main", "preview-one"),
  until: of(DAYS_AHEAD),
  endsAt: of(DAYS_AHEAD),
  gate: of("unit tests", "evidence"),
  commit: known("commit"),
  backupId: known("backup"),
  sequence: known("sequence", 3),
  secret: known("secret"),
  subject: known("subject"),
  cursor: known("cursor", 2),
  type: of("delivery.deployment.requested", "security.token.created", "catalog.service.created"),
  from: { ...known("size"), type: "integer" },
  to: { ...known("size"), type: "integer" },
  // Of promotions: where nothing is deployed.
  "to:string": of("staging"),
  limit: of(1, 2, 50, 200),
  // A longer poll would hold its line for nothing.
  waitMs: only(0, 1, 5),
  environment: of("production", "staging"),
  // Of migrations.
  text: of("select 1;\n"),
  ifBusy: of("batch", "queue", "supersede", "refuse"),
  fault: of("none", "errors=5%", "latency=+50%", "leak", "slow-tail=3%x10", "broken-page"),
  root: { values: fc.constant(new Known("root", 0)), weight: 12 },
  // Of the service's configuration: folders and commands of the workload.
  name: known("service", 8),
  source: { ...of("app"), weight: 12 },
  build: command("build.mjs"),
  run: command("server.mjs"),
  command: command("gate.mjs"),
  environments: { ...of(["production"], ["production", "staging"]), type: "array", weight: 12 },
  steps: { ...of(...STEPS), type: "array" },
  // Of notifications: nothing is sent anywhere but to this machine, where nobody listens on that port.
  channelId: known("channel"),
  ruleId: known("rule"),
  channelIds: { values: fc.array(known("channel").values, { minLength: 1, maxLength: 2 }), weight: 6 },
  deliveryIds: { values: fc.array(known("notification").values, { minLength: 1, maxLength: 2 }), weight: 6 },
  // Of flags: what is served and what it is served by must fit together.
  flag: known("flag"),
  segment: known("segment"),
  proposal: known("proposal"),
  decision: of("withdraw", "withdraw", "reject", "approve"),
  keyId: known("flagkey"),
  salt: of("a", "b"),
  definition: { ...of(FLAG), weight: 6 },
  rule: of("otherwise"),
  ifVersion: of(0, 1, 2),
  // Of insights: what is said of a deployment alone.
  "version:integer": of(1, 2),
  correctionKey: known("correction"),
  deployment: known("deployment"),
  claim: of("no_failure", "failure", "planned", "rework"),
  // Of gates and channels: nothing listens there, and a made-up address could be somebody's.
  url: only("http://127.0.0.1:9/hook", "https://127.0.0.1:9/?key=a"),
  webhookUrl: of("http://127.0.0.1:9/services"),
  apiUrl: of("http://127.0.0.1:9/api/"),
  host: only("127.0.0.1"),
  timeZone: of("UTC", "Europe/Berlin", "Australia/Lord_Howe"),
  gateway: of("gateway-1", "gateway-2", "gateway-3"),
  boot: of("boot-1", "boot-2"),
  epoch: of(0, 1),
  n: of(0, 1, 2, 3, 4),
};
