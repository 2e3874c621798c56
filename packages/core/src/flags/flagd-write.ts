import { err, ok, type Result } from "../shared/result.ts";
import { BUCKETS, bucketsOf, edgesOf, secondFrom, timeRampOf } from "./bucket.ts";
import { type Logic, lowerCondition, NotLowered, WRITE_LIMITS } from "./flagd-condition.ts";
import type { Flag, FlagObject, FlagValue, Segment, Serve, ServeRollout } from "./model.ts";
import { type Problem, problemsOf } from "./problems.ts";

/** A flag as the flagd schema has it. Always `ENABLED`: a flag that is off serves its `off` variant to everybody. */
export interface FlagdFlag {
  readonly state: "ENABLED";
  readonly variants: { readonly [name: string]: FlagValue };
  readonly defaultVariant: string;
  readonly targeting?: FlagObject;
  readonly metadata: { readonly [name: string]: string };
}

/**
 * The flag in standard flagd JSON, which any flagd evaluator answers as we do. Segments and prerequisites are written out: the
 * order of `$evaluators` matters to some readers. Refused, with the field, is what flagd has no operator for.
 */
export function writeFlagd(
  flag: Flag,
  flags: readonly Flag[],
  segments: readonly Segment[],
  environment: string,
): Result<FlagdFlag, Problem> {
  const wrong = problemsOf(flags, segments, environment).find((problem) => problem.flag === flag.key);
  if (wrong) return err(wrong);
  const rules = Object.hasOwn(flag.environments, environment) ? flag.environments[environment] : undefined;
  const problem = (field: string, message: string): Problem => ({ flag: flag.key, field, message });
  if (!rules) return err(problem(`environments.${environment}`, "The flag has no rules there."));
  const writer: Writer = {
    flags: new Map(flags.map((one) => [one.key, one])),
    segments: new Map(segments.map((segment) => [segment.key, segment])),
    environment,
    size: { left: WRITE_LIMITS.nodes },
  };
  try {
    const logic = logicOf(flag, writer);
    const isStatic = typeof logic === "string";
    return ok({
      state: "ENABLED",
      variants: flag.variants,
      defaultVariant: isStatic ? logic : rules.off,
      ...(isStatic ? {} : { targeting: logic as FlagObject }),
      metadata: { purpose: flag.purpose },
    });
  } catch (error) {
    if (error instanceof NotLowered) return err(problem(error.field, error.message));
    throw error;
  }
}

interface Writer {
  readonly flags: ReadonlyMap<string, Flag>;
  readonly segments: ReadonlyMap<string, Segment>;
  readonly environment: string;
  readonly size: { left: number };
}

/** The name of a variant, or logic that answers one. */
function logicOf(flag: Flag, writer: Writer): Logic {
  const at = `environments.${writer.environment}`;
  const rules = flag.environments[writer.environment];
  if (!rules) throw new NotLowered(at, "The flag has no rules there.");
  if (!rules.isEnabled) return rules.off;
  if (
    flag.hashVersion !== "flagd-2" &&
    [...rules.rules.map((r) => r.serve), rules.otherwise].some((s) => s.kind !== "variant")
  )
    throw new NotLowered(
      "hashVersion",
      `flagd cannot bucket as "${flag.hashVersion}" does; its users would change buckets.`,
    );
  const branches: Logic[] = [];
  for (const [i, one] of rules.prerequisites.entries()) {
    const other = writer.flags.get(one.flag);
    if (!other) throw new NotLowered(`${at}.prerequisites[${i}]`, `There is no flag "${one.flag}".`);
    branches.push({ "!": [{ in: [logicOf(other, writer), [...one.variants]] }] }, rules.off);
  }
  for (const [i, rule] of rules.rules.entries()) {
    const bounds: Logic[] = [
      ...(rule.from === undefined ? [] : [{ ">=": [NOW, secondFrom(rule.from)] }]),
      ...(rule.until === undefined ? [] : [{ "<": [NOW, secondFrom(rule.until)] }]),
    ];
    const when = lowerCondition(rule.when, writer.segments, `${at}.rules[${i}].when`, writer.size);
    branches.push({ and: [...bounds, when] }, serveLogic(flag, rules.off, rule.serve));
  }
  const otherwise = serveLogic(flag, rules.off, rules.otherwise);
  return branches.length === 0 ? otherwise : { if: [...branches, otherwise] };
}

const NOW: Logic = { var: "$flagd.timestamp" };

/** Without the attribute flagd's evaluators do different things, so it is asked for first. */
function serveLogic(flag: Flag, off: string, serve: Serve): Logic {
  if (serve.kind === "variant") return serve.variant;
  const key: Logic = { cat: [flag.salt, { var: serve.by }] };
  return { if: [{ var: serve.by }, { fractional: [key, ...weightsOf(serve)] }, off] };
}

function weightsOf(serve: Exclude<Serve, { kind: "variant" }>): Logic[] {
  if (serve.kind === "split") {
    let before = 0;
    return edgesOf(serve).map(({ variant, end }) => {
      const weight = end - before;
      before = end;
      return [variant, weight];
    });
  }
  const treated = treatedLogic(serve);
  const rest: Logic = typeof treated === "number" ? BUCKETS - treated : { "-": [BUCKETS, treated] };
  return [
    [serve.variant, treated],
    [serve.against, rest],
  ];
}

function treatedLogic(serve: ServeRollout): Logic {
  const start = bucketsOf(serve.percent);
  if (serve.ramp?.kind !== "time") return start;
  const { from, until, rise } = timeRampOf(serve, serve.ramp);
  const risen: Logic = { "/": [{ "*": [rise, { "-": [NOW, from] }] }, until - from] };
  // JSON logic cannot round: what is behind the point is taken away.
  const whole: Logic = { "-": [risen, { "%": [risen, 1] }] };
  return { if: [{ "<": [NOW, from] }, start, { ">=": [NOW, until] }, start + rise, { "+": [start, whole] }] };
}
