import { err, ok, type Result } from "../shared/result.ts";
import { BUCKETS, bucketsIn } from "./buckets.ts";
import { type FlagSource, rulesIn } from "./compile.ts";
import {
  CONDITIONS_MAX,
  conditionLogic,
  isNumber,
  isText,
  type Logic,
  NotWritten,
  type Written,
} from "./flagd-condition.ts";
import { parseInstant } from "./instants.ts";
import type { Flag, FlagObject, FlagValue, Serve, ServeRollout } from "./model.ts";
import { type FlagProblem, flagProblems } from "./validate.ts";

/** A flag as flagd's schema has it. Always `ENABLED`: a flag that is switched off serves its `off` variant to everybody. */
export interface FlagdFlag {
  readonly state: "ENABLED";
  readonly variants: { readonly [name: string]: FlagValue };
  readonly defaultVariant: string;
  readonly targeting?: FlagObject;
  readonly metadata: { readonly [name: string]: string };
}

/**
 * The flag in standard flagd JSON: any flagd evaluator gives everybody the variant that we give (at whole seconds, which is
 * all that flagd's clock has). Segments and prerequisites are written out, as some readers depend on the order of
 * `$evaluators`. What flagd has no operator for is refused, with its place.
 */
export function flagdFlag(flag: Flag, source: FlagSource): Result<FlagdFlag, FlagProblem> {
  const [problem] = flagProblems(flag, source);
  if (problem) return err(problem);
  const rules = rulesIn(flag, source.environment);
  if (!rules)
    return err({ path: `environments.${source.environment}`, message: "the flag is not there, or is archived" });
  const list = Object.entries(flag.variants).find(([, value]) => Array.isArray(value));
  if (list) return err({ path: `variants.${list[0]}`, message: "flagd knows objects only: put the list into one" });
  const writer: Writer = {
    source,
    segments: new Map(source.segments.map((segment) => [segment.key, segment])),
    size: { left: CONDITIONS_MAX },
  };
  try {
    const logic = flagLogic(flag, writer);
    return ok({
      state: "ENABLED",
      variants: flag.variants,
      ...(typeof logic === "string"
        ? { defaultVariant: logic }
        : { defaultVariant: rules.off, targeting: logic as FlagObject }),
      metadata: { purpose: flag.purpose },
    });
  } catch (error) {
    if (error instanceof NotWritten) return err({ path: error.path, message: error.message });
    throw error;
  }
}

interface Writer extends Written {
  readonly source: FlagSource;
}

/** The name of a variant, or logic that answers one. */
function flagLogic(flag: Flag, o: Writer): Logic {
  const path = `environments.${o.source.environment}`;
  const rules = rulesIn(flag, o.source.environment);
  if (!rules) throw new NotWritten(path, `${flag.key} is not there`);
  if (!rules.isEnabled) return rules.off;
  const branches: Logic[] = [];
  for (const [i, needed] of rules.prerequisites.entries()) {
    const at = `${path}.prerequisites.${i}`;
    const other = o.source.flags.find((one) => one.key === needed.flag);
    // A circle among other flags ends here as well.
    if (!other || o.size.left-- <= 0)
      throw new NotWritten(at, `${needed.flag} can't be written out: it needs too much itself`);
    branches.push({ "!": [{ in: [flagLogic(other, o), [...needed.variants]] }] }, rules.off);
  }
  for (const [i, rule] of rules.rules.entries()) {
    const times: Logic[] = [
      ...(rule.from === undefined ? [] : [{ ">=": [NOW_MS, millis(rule.from)] }]),
      ...(rule.until === undefined ? [] : [{ "<": [NOW_MS, millis(rule.until)] }]),
    ];
    const when = conditionLogic(rule.when, `${path}.rules.${i}.when`, o);
    branches.push({ and: [...times, when] }, serveLogic(flag, rules.off, rule.serve));
  }
  const otherwise = serveLogic(flag, rules.off, rules.otherwise);
  return branches.length === 0 ? otherwise : { if: [...branches, otherwise] };
}

/** flagd's clock has seconds. */
const NOW_MS: Logic = { "*": [{ var: "$flagd.timestamp" }, 1_000] };
/** `flagProblems` has seen to it that it is an instant. */
const millis = (instant: string): number => parseInstant(instant) ?? Number.NaN;

/** flagd's evaluators do different things without the attribute, so it is asked for first: a text with something in it, or a number. */
function serveLogic(flag: Flag, off: string, serve: Serve): Logic {
  if (serve.kind === "variant") return serve.variant;
  const by: Logic = { var: serve.by };
  const isWord: Logic = { and: [isText(by), { "!==": [by, ""] }] };
  const hasBucket: Logic = { and: [{ "!==": [by, null] }, { or: [isWord, { and: isNumber(by) }] }] };
  return { if: [hasBucket, { fractional: [{ cat: [flag.salt, by] }, ...weights(serve)] }, off] };
}

function weights(serve: Exclude<Serve, { kind: "variant" }>): Logic[] {
  if (serve.kind === "split") return serve.shares.map(({ variant, percent }) => [variant, bucketsIn(percent)]);
  const treated = treatedLogic(serve);
  return [
    [serve.variant, treated],
    [serve.against, typeof treated === "number" ? BUCKETS - treated : { "-": [BUCKETS, treated] }],
  ];
}

/** The sums of `percentAt` and `bucketsIn`, in their order: a double is rounded alike only then. */
function treatedLogic({ percent, ramp }: ServeRollout): Logic {
  if (ramp?.kind !== "time") return bucketsIn(percent);
  const [from, until] = [millis(ramp.from), millis(ramp.until)];
  const risen: Logic = { "/": [{ "*": [ramp.toPercent - percent, { "-": [NOW_MS, from] }] }, until - from] };
  const above: Logic = { "+": [{ "*": [{ "+": [percent, risen] }, BUCKETS / 100] }, 0.5] };
  // JSON logic cannot round: what is behind the point is taken away.
  const rounded: Logic = { "-": [above, { "%": [above, 1] }] };
  const [first, last] = [bucketsIn(percent), bucketsIn(ramp.toPercent)];
  return { if: [{ "<=": [NOW_MS, from] }, first, { ">=": [NOW_MS, until] }, last, rounded] };
}
