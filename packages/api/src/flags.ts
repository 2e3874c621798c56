import type { Condition as CoreCondition, FlagValue as CoreFlagValue } from "@latchkey/core/flags/model";
import { z } from "zod";
import { ExperimentPlan } from "./experiments.ts";
import { pageOf } from "./models.ts";

/** Feature flags: their definitions, how they stand in each environment, and who may ask for their values. */
export const when = z.iso.datetime({ offset: true });

export const FLAGS_MAX = 2_000;
export const SEGMENTS_MAX = 500;
export const VARIANTS_MAX = 50;
export const RULES_OF_FLAG_MAX = 100;
export const CLIENT_KEYS_MAX = 100;
/** So deep a value or a condition may be nested. */
export const NESTED_MAX = 12;
/** A definition as text: what streams to every client. */
export const DEFINITION_CHARACTERS_MAX = 40_000;

/** Capitals too: what other systems of flags have is taken over under the name that the code asks for. */
export const FLAG_KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const flagKey = z.string().regex(FLAG_KEY, "letters, digits and . _ -, at most 100, such as new-lead-form");
export const environmentName = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9-]*$/, "the name of an environment, such as production");
const variantName = z
  .string()
  .max(60)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "letters, digits and . _ -");
const attribute = z.string().min(1).max(100);
export const percent = z
  .number()
  .min(0)
  .max(100)
  .refine(
    (value) => Math.abs(value * 1_000 - Math.round(value * 1_000)) < 1e-6,
    "at most three digits after the point",
  );
export const reason = z.string().trim().min(1).max(300);

export const FlagValue: z.ZodType<CoreFlagValue> = z
  .lazy(() =>
    z.union([
      z.boolean(),
      z.string().max(20_000),
      z.number(),
      z.null(),
      z.array(FlagValue).max(1_000),
      z.record(z.string().max(100), FlagValue),
    ]),
  )
  .meta({ id: "FlagValue" });

export const FlagOperator = z.enum([
  ...(["equals", "in", "contains", "starts_with", "ends_with", "matches"] as const),
  ...(["less", "less_or_equal", "greater", "greater_or_equal", "before", "after"] as const),
  ...(["semver_equals", "semver_less", "semver_less_or_equal"] as const),
  ...(["semver_greater", "semver_greater_or_equal", "semver_same_major", "semver_same_minor", "exists"] as const),
]);

/** How a user becomes a bucket: as flagd does, as its third version does (in CBOR), or as Unleash does. */
export const HashVersion = z.enum(["flagd-2", "flagd-3", "unleash"]);

/** When a rule holds: attributes of who asks, named segments, and these combined. */
export const FlagCondition: z.ZodType<CoreCondition> = z
  .lazy(() =>
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("all"), of: z.array(FlagCondition).max(50) }),
      z.strictObject({ kind: z.literal("any"), of: z.array(FlagCondition).max(50) }),
      z.strictObject({ kind: z.literal("not"), of: FlagCondition }),
      z.strictObject({ kind: z.literal("segment"), segment: flagKey }),
      z.strictObject({
        kind: z.literal("share"),
        by: attribute,
        percent,
        salt: z.string().max(200),
        hashVersion: HashVersion,
      }),
      z.strictObject({
        kind: z.literal("attribute"),
        attribute,
        operator: FlagOperator,
        values: z.array(z.union([z.string().max(500), z.number(), z.boolean()])).max(1_000),
        ignoreCase: z.boolean().exactOptional(),
      }),
    ]),
  )
  .meta({ id: "FlagCondition" });

const Ramp = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("steps"),
    steps: z
      .array(
        z.strictObject({
          percent,
          holdMs: z
            .int()
            .min(0)
            .max(30 * 86_400_000),
        }),
      )
      .min(1)
      .max(20),
  }),
  z.strictObject({ kind: z.literal("time"), from: when, until: when, toPercent: percent }),
]);
export const FlagServe = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("variant"), variant: variantName }),
  z.strictObject({
    kind: z.literal("split"),
    by: attribute.default("targetingKey"),
    shares: z
      .array(z.strictObject({ variant: variantName, percent }))
      .min(1)
      .max(VARIANTS_MAX),
  }),
  z.strictObject({
    kind: z.literal("rollout"),
    by: attribute.default("targetingKey"),
    variant: variantName,
    against: variantName,
    percent,
    ramp: Ramp.exactOptional(),
    experiment: ExperimentPlan.exactOptional(),
  }),
  /** flagd's targeting, kept as it was written; `variant` is served where it answers nothing, null is the value in the code. */
  z.strictObject({
    kind: z.literal("logic"),
    logic: z.record(z.string().max(100), FlagValue),
    variant: variantName.nullable(),
  }),
]);
export const FlagRule = z.strictObject({
  id: z
    .string()
    .max(60)
    .regex(/^[a-z0-9][a-z0-9-]*$/, "lower-case letters, digits and -"),
  description: z.string().max(300).exactOptional(),
  from: when.exactOptional(),
  until: when.exactOptional(),
  when: FlagCondition,
  serve: FlagServe,
});
export const FlagRules = z.strictObject({
  isEnabled: z.boolean().default(false),
  /** Null: the value in the code holds. */
  off: variantName.nullable().default("off"),
  prerequisites: z
    .array(z.strictObject({ flag: flagKey, variants: z.array(variantName).min(1).max(VARIANTS_MAX) }))
    .max(20)
    .default([]),
  rules: z.array(FlagRule).max(RULES_OF_FLAG_MAX).default([]),
  otherwise: FlagServe,
});
export const FlagPurpose = z.enum(["release", "experiment", "operational", "permission", "permanent"]);
/** A flag as people write it; what is left out has its default. */
export const FlagDefinition = z.strictObject({
  type: z.enum(["boolean", "string", "number", "json"]).default("boolean"),
  description: z.string().max(1_000).default(""),
  purpose: FlagPurpose.default("release"),
  owner: z.string().max(100).default(""),
  tags: z.array(z.string().min(1).max(40)).max(20).default([]),
  expires: z.iso.date().exactOptional(),
  isPublic: z.boolean().default(false),
  variants: z.record(variantName, FlagValue).default({ on: true, off: false }),
  schema: z.record(z.string().max(100), FlagValue).exactOptional(),
  salt: z.string().max(200).exactOptional(),
  hashVersion: HashVersion.default("flagd-2"),
  /** Facts that applications are told with every answer. */
  metadata: z
    .record(z.string().min(1).max(100), z.union([z.string().max(1_000), z.number(), z.boolean()]))
    .exactOptional(),
  environments: z.record(environmentName, FlagRules).default({}),
});
export type FlagDefinition = z.infer<typeof FlagDefinition>;

export const FlagManager = z.enum(["console", "code", "terraform"]);
export const RolloutStanding = z.object({
  environment: z.string(),
  rule: z.string(),
  percent: z.number(),
  state: z.enum(["running", "held", "killed", "done"]),
  since: when,
  words: z.string(),
});
export const FlagHealth = z.enum(["in_use", "new", "never_evaluated", "one_sided", "stale"]);
export const FlagSummary = z.object({
  key: z.string(),
  type: z.enum(["boolean", "string", "number", "json"]),
  description: z.string(),
  purpose: FlagPurpose,
  owner: z.string(),
  tags: z.array(z.string()),
  expires: z.string().nullable(),
  /** The names of its values. */
  variants: z.array(z.string()),
  isArchived: z.boolean(),
  isPublic: z.boolean(),
  manager: FlagManager,
  version: z.int(),
  updatedAt: when,
  /** What the last seven days say of it. */
  health: FlagHealth,
  healthWords: z.string(),
  /** Each environment with whether it is on there, and in words who gets what. */
  environments: z.array(z.object({ name: z.string(), isEnabled: z.boolean(), words: z.string() })),
});
export type FlagSummary = z.infer<typeof FlagSummary>;
export const FlagView = z.object({
  ...FlagSummary.shape,
  createdAt: when,
  /** As it holds now: switches as they are set, with salt and hash version. */
  definition: FlagDefinition.extend({ salt: z.string() }),
  rollouts: z.array(RolloutStanding),
  /** What was asked for and met in the last seven days. */
  served: z.array(
    z.object({ environment: z.string(), variant: z.string(), evaluations: z.number(), exposures: z.number() }),
  ),
});
export type FlagView = z.infer<typeof FlagView>;
/** Of a list: with `definitions` also what the flag decides, so that nobody asks once for each flag. */
const ListedFlag = z.object({
  ...FlagSummary.shape,
  definition: FlagView.shape.definition.exactOptional(),
  rollouts: FlagView.shape.rollouts.exactOptional(),
});

export const FlagVersion = z.object({
  version: z.int(),
  at: when,
  by: z.string(),
  /** Who agreed to it, where it had been proposed. */
  approvedBy: z.string().nullable(),
  reason: z.string(),
  /** What was done: `created`, `changed`, `switched`, `rollout`, `archived`, `restored`. */
  verb: z.enum(["created", "changed", "switched", "rollout", "archived", "unarchived", "restored"]),
  changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
});
export const FlagSegment = z.object({
  key: z.string(),
  description: z.string(),
  when: FlagCondition,
  version: z.int(),
  updatedAt: when,
  /** The flags that name it. */
  usedBy: z.array(z.string()),
});
export const FlagClientKey = z.object({
  id: z.string(),
  name: z.string(),
  environment: z.string(),
  kind: z.enum(["server", "browser"]),
  /** The key itself, of browsers: it is no secret. */
  key: z.string().nullable(),
  createdAt: when,
  createdBy: z.string(),
  lastUsedAt: when.nullable(),
  /** Of a key of browsers: exposures and events of the last seven days that were dropped, since it told too many. */
  droppedRows: z.int(),
});
const paging = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};
/** Who is asked about: at most so many attributes; their values are data of any kind. */
export const FlagContext = z.record(z.string().max(100), FlagValue);
export const FlagEvaluation = z.object({
  key: z.string(),
  value: FlagValue.nullable(),
  variant: z.string().nullable(),
  reason: z.string(),
  errorCode: z.string().nullable(),
  /** Which rule served; null where none did. */
  rule: z.string().nullable(),
  /** Why, rule by rule, in words. */
  steps: z.array(z.object({ rule: z.string().nullable(), matched: z.boolean(), words: z.string() })),
});

export const flagContract = {
  listFlags: {
    summary: "Feature flags with how they stand in each environment",
    query: z.object({
      ...paging,
      search: z.string().max(100).optional(),
      tag: z.string().max(40).optional(),
      owner: z.string().max(100).optional(),
      health: FlagHealth.optional(),
      archived: z.enum(["true", "false"]).default("false"),
      definitions: z.enum(["true", "false"]).default("false"),
    }),
    status: 200,
    answers: pageOf(ListedFlag),
  },
  getFlag: { summary: "One flag: definition, switches, rollouts", status: 200, answers: FlagView },
  putFlag: {
    summary: "Create a flag, or change its definition; switches and rollouts stay as they are",
    body: z.strictObject({
      definition: FlagDefinition,
      manager: FlagManager.default("console"),
      /** 0: only if there is none yet. Left out: whichever it is. */
      ifVersion: z.int().min(0).max(2_147_483_647).optional(),
      reason: reason.default("no reason was given"),
      dryRun: z.boolean().default(false),
      /** Another hashing, or salt, gives everybody another bucket: said explicitly once the flag gives shares of users. */
      rebucket: z.boolean().default(false),
    }),
    status: 200,
    answers: z.object({
      flag: FlagView.nullable(),
      applied: z.boolean(),
      /** The environments in which a second person has to agree: then propose it. */
      needsApproval: z.array(z.string()),
      changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
    }),
  },
  switchFlag: {
    summary: "The kill switch: turn a flag on or off in one environment",
    body: z.strictObject({ environment: environmentName, isEnabled: z.boolean(), reason }),
    status: 200,
    answers: FlagView,
  },
  moveRollout: {
    summary: "Move, hold, kill or resume the rollout of a rule",
    body: z.strictObject({
      environment: environmentName,
      rule: z.string().max(60).default("otherwise"),
      percent: percent.optional(),
      state: z.enum(["running", "held", "killed", "done"]).optional(),
      reason,
    }),
    status: 200,
    answers: FlagView,
  },
  archiveFlag: {
    summary: "Archive a flag: it is answered as not found, its history stays; or take it out of the archive",
    body: z.strictObject({ archived: z.boolean().default(true), reason }),
    status: 200,
    answers: FlagView,
  },
  listFlagVersions: {
    summary: "What was changed of a flag, newest first",
    query: z.object(paging),
    status: 200,
    answers: pageOf(FlagVersion),
  },
  restoreFlag: {
    summary: "Put a flag back as it was at a version",
    body: z.strictObject({ version: z.int().min(1).max(2_147_483_647), reason }),
    status: 200,
    answers: FlagView,
  },
  explainFlag: {
    summary: "What somebody would get, and why: which rule matched, and why not the earlier ones",
    body: z.strictObject({
      environment: environmentName,
      context: FlagContext,
      /** A definition that is not saved yet: what it would answer. */
      definition: FlagDefinition.optional(),
    }),
    status: 200,
    answers: FlagEvaluation,
  },
  previewFlag: {
    summary: "How many of last week's users would get which variant by a definition that is not saved yet",
    body: z.strictObject({ environment: environmentName, definition: FlagDefinition.optional() }),
    status: 200,
    answers: z.object({
      /** So many were looked at: a sample of those who met flags, without their identity. */
      users: z.int(),
      /** So many they stand for. */
      estimatedUsers: z.int(),
      /** Of those looked at: who would get another variant than now. */
      changed: z.int(),
      variants: z.array(z.object({ variant: z.string().nullable(), before: z.int(), after: z.int() })),
      rules: z.array(z.object({ rule: z.string().nullable(), after: z.int() })),
    }),
  },
  listFlagSegments: {
    summary: "Segments: named conditions that flags share",
    status: 200,
    answers: z.object({ items: z.array(FlagSegment) }),
  },
  putFlagSegment: {
    summary: "Create or change a segment",
    body: z.strictObject({ description: z.string().max(1_000).default(""), when: FlagCondition, reason }),
    status: 200,
    answers: FlagSegment,
  },
  deleteFlagSegment: { summary: "Delete a segment that no flag names", status: 204, answers: z.null() },
  listFlagKeys: {
    summary: "Keys by which applications ask for flags",
    status: 200,
    answers: z.object({ items: z.array(FlagClientKey) }),
  },
  createFlagKey: {
    summary: "Make a key for an application: of a server it is a secret shown once, of browsers it is public",
    body: z.strictObject({
      name: z.string().trim().min(1).max(60),
      environment: environmentName,
      kind: z.enum(["server", "browser"]).default("server"),
    }),
    status: 201,
    answers: z.object({ key: FlagClientKey, secret: z.string() }),
  },
  revokeFlagKey: { summary: "Revoke a key: who uses it gets no answer from now on", status: 204, answers: z.null() },
} as const;
