import { z } from "zod";

/** The gates of a service, as they stand in its configuration, and what each came to for a deployment. */
export const GATES_MAX = 20;
export const GATE_KINDS = [
  "command",
  "tests",
  "coverage",
  "findings",
  "licences",
  "size",
  "http",
  "approval",
  "window",
  "error_budget",
  "zero_touch",
  "migrations",
  "flags",
] as const;
export const GateKind = z.enum(GATE_KINDS);
export type GateKind = z.infer<typeof GateKind>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longer waits are forgotten ones. */
const TIMEOUT_MS_MAX = 30 * DAY_MS;
/** A command that runs longer than an hour blocks the others' builds. */
export const COMMAND_TIMEOUT_MS_MAX = HOUR_MS;
/** When the configuration names no time limit: what a machine does takes minutes, what people do takes days. */
const MACHINE_TIMEOUT_MS = 300_000;
const WAITING_TIMEOUT_MS = 7 * DAY_MS;

const command = z.array(z.string().min(1)).min(1).max(40);
const percent = z.number().min(0).max(100);
const hours = z.number().min(0).max(8_760).nullable();
const globs = z.array(z.string().min(1).max(200)).max(100);
const ids = z.array(z.string().min(1).max(80)).min(1).max(200);
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of day, such as 09:00");
const when = z.iso.datetime({ offset: true });

const Fields = z.strictObject({
  name: z.string().min(1).max(60),
  /** Left out means command, as in configurations of older versions. */
  kind: GateKind.optional(),
  description: z.string().max(200).optional(),
  /** Whose it is: a person, a team or a role. */
  owner: z.string().min(1).max(80).optional(),
  command: command.optional(),
  timeoutMs: z.int().min(1_000).max(TIMEOUT_MS_MAX).optional(),
  required: z.boolean().default(true),
  /** Only deployments to these are asked; left out: all. */
  environments: z.array(z.string().min(1).max(40)).min(1).max(10).optional(),
  report: z.string().min(1).max(400).optional(),
  from: z.enum(["command", "ci"]).optional(),
  minimumTests: z.int().min(1).max(1_000_000).optional(),
  maximumSkipped: z.int().min(0).max(1_000_000).optional(),
  floorPercent: percent.optional(),
  changedFloorPercent: percent.optional(),
  mayDropPoints: percent.optional(),
  criticalHours: hours.optional(),
  highHours: hours.optional(),
  mediumHours: hours.optional(),
  lowHours: hours.optional(),
  permit: ids.optional(),
  deny: ids.optional(),
  except: ids.optional(),
  unknownLicence: z.enum(["allow", "fail"]).optional(),
  limits: z
    .array(
      z.strictObject({
        files: z.string().min(1).max(200),
        maximumBytes: z.int().min(1).max(1e12),
        measure: z.enum(["raw", "gzip"]).default("raw"),
      }),
    )
    .min(1)
    .max(20)
    .optional(),
  url: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .optional(),
  method: z.enum(["POST", "PUT"]).optional(),
  callback: z.boolean().optional(),
  roles: z.array(z.string().min(1).max(40)).min(1).max(10).optional(),
  count: z.int().min(1).max(10).optional(),
  /** Which reviews on GitHub are approvals. */
  reviews: z.enum(["head", "any", "off"]).optional(),
  allow: z
    .array(
      z.strictObject({
        days: z
          .array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))
          .min(1)
          .max(7),
        from: clockTime,
        to: z.union([clockTime, z.literal("24:00")]),
        timeZone: z.string().min(1).max(60),
      }),
    )
    .min(1)
    .max(20)
    .optional(),
  freezes: z
    .array(z.strictObject({ from: when, to: when, reason: z.string().min(1).max(200) }))
    .min(1)
    .max(50)
    .optional(),
  minimumPercent: percent.optional(),
  paths: globs.optional(),
  attended: globs.optional(),
  maximumFiles: z.int().min(0).max(10_000).optional(),
  maximumLines: z.int().min(0).max(1_000_000).optional(),
  maximumCommits: z.int().min(1).max(200).optional(),
  authorRoles: z.array(z.string().min(1).max(40)).min(1).max(10).optional(),
  quietHours: z.number().min(0).max(720).optional(),
  folder: z.string().min(1).max(200).optional(),
  databaseUrlVariable: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,79}$/, "the name of a variable, such as DATABASE_URL")
    .optional(),
});
type Fields = z.infer<typeof Fields>;
type Part = Exclude<
  keyof Fields,
  "name" | "kind" | "description" | "owner" | "timeoutMs" | "required" | "environments"
>;

interface Shape {
  readonly needs: readonly Part[];
  readonly may: readonly Part[];
}
const EVIDENCE: readonly Part[] = ["command", "from"];
const ALONE: readonly Part[] = [
  ...(["paths", "attended", "maximumFiles", "maximumLines", "maximumCommits", "authorRoles", "quietHours"] as const),
];
/** Which fields a gate must have and may have, by its kind. */
const SHAPES: Readonly<Record<GateKind, Shape>> = {
  command: { needs: ["command"], may: [] },
  tests: { needs: [], may: [...EVIDENCE, "report", "minimumTests", "maximumSkipped"] },
  coverage: { needs: [], may: [...EVIDENCE, "report", "floorPercent", "changedFloorPercent", "mayDropPoints"] },
  findings: { needs: [], may: [...EVIDENCE, "report", "criticalHours", "highHours", "mediumHours", "lowHours"] },
  licences: { needs: [], may: [...EVIDENCE, "report", "permit", "deny", "except", "unknownLicence"] },
  size: { needs: ["limits"], may: [] },
  http: { needs: ["url"], may: ["method", "callback"] },
  approval: { needs: [], may: ["roles", "count", "reviews"] },
  window: { needs: [], may: ["allow", "freezes"] },
  error_budget: { needs: ["minimumPercent"], may: [] },
  zero_touch: { needs: [], may: [...ALONE, "minimumPercent", "allow", "roles", "count"] },
  migrations: { needs: ["folder"], may: ["databaseUrlVariable"] },
  flags: { needs: [], may: [] },
};
const EXAMPLES: Partial<Record<Part, string>> = {
  command: '["npm", "test"]',
  report: '"reports/junit.xml"',
  limits: '[{ files: "assets/*.js", maximumBytes: 300000, measure: "gzip" }]',
  url: '"https://checks.example.com/latchkey"',
  minimumPercent: "20",
  folder: '"db/migrations"',
};
const COMMON = ["name", "kind", "description", "owner", "timeoutMs", "required", "environments"];
/** Kinds that judge what a tool has written. */
export const REPORT_KINDS: readonly GateKind[] = ["tests", "coverage", "findings", "licences"];

type GateFields = Pick<Fields, "kind" | "from" | "callback" | "timeoutMs">;
export const gateKind = (gate: Pick<Fields, "kind">): GateKind => gate.kind ?? "command";
/** Whether it waits for people or for machines elsewhere, rather than for a command of its own. */
const waits = (gate: GateFields): boolean =>
  ["approval", "window", "error_budget", "zero_touch"].includes(gateKind(gate)) ||
  gate.from === "ci" ||
  gate.callback === true;
/** Milliseconds from its beginning, after which it has failed. */
export const gateTimeoutMs = (gate: GateFields): number =>
  gate.timeoutMs ?? (waits(gate) ? WAITING_TIMEOUT_MS : MACHINE_TIMEOUT_MS);

type Say = (path: readonly (string | number)[], message: string) => void;

function checkGate(gate: Fields, say: Say): void {
  const kind = gateKind(gate);
  const { needs, may } = SHAPES[kind];
  const fits: readonly string[] = [...COMMON, ...needs, ...may];
  for (const part of needs)
    if (gate[part] === undefined)
      say([part], `is missing, which a gate of kind ${kind} needs. Add it, such as ${part}: ${EXAMPLES[part]}.`);
  for (const [part, value] of Object.entries(gate))
    if (value !== undefined && !fits.includes(part))
      say([part], `is not for a gate of kind ${kind}. Take it away, or set another kind.`);
  if (REPORT_KINDS.includes(kind)) checkSource(gate, say);
  if (kind === "licences" && gate.permit === undefined && gate.deny === undefined)
    say(["permit"], 'is missing, and deny too: a gate of kind licences needs one. Add it, such as permit: ["MIT"].');
  if (kind === "window") checkWindow(gate, say);
  if (kind === "zero_touch") checkHours(gate, say);
  if (kind === "migrations" && !gate.required)
    say(
      ["required"],
      "must not be false for a gate of kind migrations: a release would be served over a schema that lacks what it needs.",
    );
  if (!waits(gate) && gateTimeoutMs(gate) > COMMAND_TIMEOUT_MS_MAX)
    say(["timeoutMs"], `must be at most ${COMMAND_TIMEOUT_MS_MAX} for what runs at once; it is ${gate.timeoutMs}.`);
  if (gate.url !== undefined && !isSafe(gate.url))
    say(
      ["url"],
      "must begin with https://, or lead to this machine (http://127.0.0.1:…): it carries what is deployed.",
    );
}

function checkSource(gate: Fields, say: Say): void {
  if (gate.from === "ci") {
    if (gate.command !== undefined)
      say(["command"], "is not for evidence that a pipeline sends (from: ci). Take it away.");
    if (gate.report !== undefined)
      say(["report"], "is not for evidence that a pipeline sends (from: ci). Take it away.");
    return;
  }
  for (const part of ["command", "report"] as const)
    if (gate[part] === undefined)
      say(
        [part],
        `is missing, which a gate of kind ${gate.kind} needs, unless a pipeline sends the report (from: "ci"). Add it, such as ${part}: ${EXAMPLES[part]}.`,
      );
}

function checkWindow(gate: Fields, say: Say): void {
  if (gate.allow === undefined && gate.freezes === undefined)
    say(
      ["allow"],
      'is missing, and freezes too: a window needs one. Add it, such as allow: [{ days: ["mon"], from: "09:00", to: "17:00", timeZone: "Europe/Berlin" }].',
    );
  checkHours(gate, say);
  gate.freezes?.forEach(({ from, to }, i) => {
    if (Date.parse(to) <= Date.parse(from))
      say(["freezes", i, "to"], `must be later than from (${from}); it is ${to}.`);
  });
}

function checkHours(gate: Fields, say: Say): void {
  gate.allow?.forEach(({ from, to, timeZone }, i) => {
    if (to <= from) say(["allow", i, "to"], `must be later than from (${from}); it is ${to}.`);
    if (!isTimeZone(timeZone))
      say(["allow", i, "timeZone"], `must be an IANA time zone, such as Europe/Berlin; it is ${timeZone}.`);
  });
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
/** What is sent tells of code that is not out yet: in clear it stays on this machine. */
export function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || LOOPBACK.includes(hostname);
}

export const GateConfig = Fields.superRefine((gate, context) =>
  checkGate(gate, (path, message) => context.addIssue({ code: "custom", path: [...path], message })),
).overwrite((gate) => ({ ...gate, timeoutMs: gateTimeoutMs(gate) }));
export type GateConfig = z.infer<typeof GateConfig>;

export const GateFigure = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.enum(["count", "percent", "bytes"]),
  /** What the policy allows; null where it sets none. */
  limit: z.number().nullable(),
  holds: z.boolean(),
});

export const GATE_STATUSES = [
  "waiting",
  "running",
  /** It waits for somebody, or for something elsewhere, and is asked again. */
  "pending",
  "passed",
  "failed",
  "timed_out",
  "could_not_run",
  /** It did not pass, and a person lets it stand until a day. */
  "waived",
] as const;

export const GateResult = z.object({
  name: z.string(),
  kind: GateKind,
  owner: z.string().nullable(),
  status: z.enum(GATE_STATUSES),
  required: z.boolean(),
  startedAt: when.nullable(),
  finishedAt: when.nullable(),
  /** One sentence: what it came to, or what it waits for. */
  words: z.string(),
  figures: z.array(GateFigure),
  /** What to mend, most important first. */
  details: z.array(z.string()),
  /** The last lines of its output. */
  output: z.string(),
  /** Who lets it stand, why and until when; `until` is null where that is for this deployment alone. */
  waiver: z.object({ id: z.string(), by: z.string(), reason: z.string(), until: when.nullable() }).nullable(),
});
export type GateResult = z.infer<typeof GateResult>;

/** A person lets a gate of a service stand that did not pass. */
export const Waiver = z.object({
  id: z.string(),
  service: z.string(),
  gate: z.string(),
  reason: z.string(),
  /** Also when nothing could be checked: it could not run, ran out of time, or has no answer yet. */
  couldNotRun: z.boolean(),
  waivedBy: z.string(),
  createdAt: when,
  until: when,
  revokedAt: when.nullable(),
  /** Whether it lets the gate stand now. */
  isInForce: z.boolean(),
});
export type Waiver = z.infer<typeof Waiver>;
export const WAIVER_DAYS_MAX = 90;

export const NewWaiver = z.strictObject({
  gate: z.string().min(1).max(60),
  reason: z.string().min(1).max(500),
  /** At most 90 days from now. */
  until: when,
  couldNotRun: z.boolean().default(false),
});

/** A pipeline's report of a gate, for a commit. */
export const Evidence = z.object({
  id: z.string(),
  service: z.string(),
  gate: z.string(),
  commit: z.string(),
  sha256: z.string(),
  url: z.string().nullable(),
  sentBy: z.string(),
  sentAt: when,
});
export type Evidence = z.infer<typeof Evidence>;

export const NewEvidence = z.strictObject({
  gate: z.string().min(1).max(60),
  commit: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "a whole commit id: 40 or 64 hex digits in small letters"),
  /** The request as a whole may have 16 MB; compressed with gzip (content-encoding) it is sent faster. */
  report: z.string().min(1).max(10_000_000),
  /** Where the run that made it is seen. */
  url: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .optional(),
});

/** What another system answers that a gate has asked. */
export const GateAnswer = z.strictObject({
  token: z.string().min(10).max(100),
  status: z.enum(["passed", "failed"]),
  words: z.string().max(500).default(""),
});
