import { z } from "zod";

/** Roll-outs as experiments: what applications report, and what is known of each. */
const when = z.iso.datetime({ offset: true });
export const REPORTED_MAX = 1_000;

const metric = z
  .string()
  .max(60)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, "lower-case letters, digits and . _ - such as errors");
/** The value that decides the user's bucket: the targeting key, unless the rollout goes by another attribute. */
const userKey = z.string().min(1).max(256);

export const ReportedExposures = z.strictObject({
  exposures: z
    .array(
      z.strictObject({
        flag: z.string().min(1).max(100),
        variant: z.string().min(1).max(60),
        rule: z.string().max(60).nullable().default(null),
        key: userKey,
        at: when.optional(),
      }),
    )
    .max(REPORTED_MAX),
});
export const ReportedEvents = z.strictObject({
  events: z
    .array(
      z.strictObject({
        metric,
        key: userKey,
        isBad: z.boolean().optional(),
        value: z.number().min(-1e12).max(1e12).optional(),
        at: when.optional(),
      }),
    )
    .max(REPORTED_MAX),
});

/** Users whom a program that evaluates by itself has seen: a sample without their identity (core, flags/seen). */
export const ReportedSeen = z.strictObject({
  seen: z
    .array(
      z.strictObject({
        hash: z.int().min(0).max(4_294_967_295),
        context: z.record(z.string().max(100), z.unknown()),
      }),
    )
    .max(REPORTED_MAX),
});

const percentNumber = z.number().min(0).max(1_000);
/** What a rollout watches and hopes for; see the guide for what is watched where it is left out. */
export const ExperimentPlan = z.strictObject({
  alpha: z.number().min(0.0001).max(0.2).default(0.01),
  minExposures: z.int().min(0).max(10_000_000).default(100),
  guardrails: z
    .array(
      z.strictObject({
        metric,
        over: z.number().min(0).max(1e12).exactOptional(),
        tolerancePercent: percentNumber.exactOptional(),
      }),
    )
    .max(10)
    .default([{ metric: "errors" }, { metric: "browser-errors" }]),
  goals: z
    .array(
      z.strictObject({
        metric,
        kind: z.enum(["conversion", "mean"]).default("conversion"),
        better: z.enum(["more", "less"]).default("more"),
        minEffectPercent: z.number().min(0.1).max(1_000).default(5),
      }),
    )
    .max(10)
    .default([]),
});

const Interval = z.object({ from: z.number(), to: z.number().nullable() });
const Goal = z.object({
  metric: z.string(),
  kind: z.enum(["conversion", "mean"]),
  treated: z.number(),
  control: z.number(),
  /** Percent of the control. */
  percent: z.number().nullable(),
  interval: Interval.nullable(),
  advice: z.enum(["keep_going", "ship", "stop", "no_difference"]),
  usersNeeded: z.number().nullable(),
  daysLeft: z.number().nullable(),
  words: z.string(),
});
const Guardrail = z.object({
  metric: z.string(),
  treated: z.number(),
  control: z.number(),
  /** Evidence for harm, 0 to 1 of what ends the rollout. */
  evidence: z.number(),
  /** How many times as many of the treated are hurt. */
  ratio: Interval,
  state: z.enum(["well", "near", "harm", "unheard"]),
});
export const ExperimentResult = z.object({
  environment: z.string(),
  rule: z.string(),
  variant: z.string(),
  against: z.string(),
  isEnabled: z.boolean(),
  percent: z.number(),
  state: z.enum(["running", "held", "killed", "done"]),
  words: z.string(),
  /** What happens next, or what it waits for. */
  next: z.string(),
  advice: z.enum(["keep_going", "ship", "stop", "no_difference", "killed", "held"]),
  startedAt: when.nullable(),
  exposed: z.object({ treated: z.number(), control: z.number() }),
  /** Whether both arms are filled alike. */
  isMismatched: z.boolean(),
  mismatchEvidence: z.number(),
  exposedPerDay: z.number(),
  alpha: z.number(),
  minExposures: z.number(),
  guardrails: z.array(Guardrail),
  goals: z.array(Goal),
  /** How the first goal's interval, and the exposures, came to be what they are; oldest first. */
  points: z.array(
    z.object({
      at: when,
      percent: z.number(),
      treated: z.number(),
      control: z.number(),
      evidence: z.number(),
      goal: z.object({ percent: z.number(), from: z.number(), to: z.number().nullable() }).nullable(),
    }),
  ),
});
export type ExperimentResult = z.infer<typeof ExperimentResult>;

export const experimentContract = {
  getFlagResults: {
    summary: "The rollouts of a flag as experiments: effect, guardrails, exposures, what to do",
    status: 200,
    answers: z.object({ flag: z.string(), items: z.array(ExperimentResult) }),
  },
} as const;
