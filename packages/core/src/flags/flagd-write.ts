import { err, ok, type Result } from "../shared/result.ts";
import { BUCKETS, bucketsIn } from "./buckets.ts";
import { type FlagSource, rulesIn } from "./compile.ts";
import {
  CONDITIONS_MAX,
  checkHash,
  conditionLogic,
  hasBucket,
  type Logic,
  NotWritten,
  type Written,
} from "./flagd-condition.ts";
import { parseInstant } from "./instants.ts";
import type { Flag, FlagObject, FlagValue, Serve, ServeLogic, ServeRollout, ServeSplit } from "./model.ts";
import { type FlagProblem, flagProblems } from "./validate.ts";

/**
 * A flag as flagd's schema has it. `DISABLED` only where the value in the code holds: a flag that is switched off serves its
 * `off` variant to everybody. Without a default variant the value in the code holds where the targeting answers nothing.
 */
export interface FlagdFlag {
  readonly state: "ENABLED" | "DISABLED";
  readonly variants: { readonly [name: string]: FlagValue };
  readonly defaultVariant?: string;
  readonly targeting?: FlagObject;
  readonly metadata: { readonly [name: string]: string | number | boolean };
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
    const { variants } = flag;
    const metadata = { purpose: flag.purpose, ...flag.metadata };
    if (!rules.isEnabled && rules.off === null) return ok({ state: "DISABLED", variants, metadata });
    const only = rules.isEnabled && rules.rules.length === 0 && rules.prerequisites.length === 0 && rules.otherwise;
    const isKept = only && only.kind === "logic";
    const logic = isKept ? keptLogic(flag, only) : flagLogic(flag, writer);
    const byDefault = typeof logic === "string" ? logic : isKept ? only.variant : rules.off;
    return ok({
      state: "ENABLED",
      variants,
      ...(byDefault === null ? {} : { defaultVariant: byDefault }),
      ...(isTargeting(logic) ? { targeting: logic } : {}),
      metadata,
    });
  } catch (error) {
    if (error instanceof NotWritten) return err({ path: error.path, message: error.message });
    throw error;
  }
}

export interface FlagdFile {
  readonly $schema: string;
  readonly flags: { readonly [key: string]: FlagdFlag };
  readonly metadata: { readonly [name: string]: string | number | boolean };
}
const FLAGD_SCHEMA = "https://flagd.dev/schema/v0/flags.json";

/** The flags of an environment as one file, and those that flagd has no words for, with the place and how to mend it. */
export function flagdFile(
  source: FlagSource,
  metadata: FlagdFile["metadata"],
): { readonly file: FlagdFile; readonly leftOut: readonly (FlagProblem & { readonly flag: string })[] } {
  const flags: Record<string, FlagdFlag> = {};
  const leftOut: (FlagProblem & { flag: string })[] = [];
  for (const flag of source.flags) {
    if (!rulesIn(flag, source.environment)) continue;
    const written = flagdFlag(flag, source);
    if (written.ok) flags[flag.key] = written.value;
    else leftOut.push({ flag: flag.key, ...written.error });
  }
  return { file: { $schema: FLAGD_SCHEMA, flags, metadata }, leftOut };
}

const isTargeting = (logic: Logic): logic is FlagObject =>
  typeof logic === "object" && logic !== null && Object.keys(logic).length > 0;

interface Writer extends Written {
  readonly source: FlagSource;
}

/** The name of a variant, or logic that answers one; null, and logic that answers it, is the default variant. */
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
    const { otherwise, rules: others } = rulesIn(other, o.source.environment) ?? { otherwise: null, rules: [] };
    if ([otherwise, ...others.map((rule) => rule.serve)].some((serve) => serve?.kind === "logic"))
      throw new NotWritten(at, `${needed.flag} is decided by flagd logic, which can't be written into another flag`);
    branches.push({ "!": [{ in: [flagLogic(other, o), [...needed.variants]] }] }, rules.off);
  }
  for (const [i, rule] of rules.rules.entries()) {
    const times: Logic[] = [
      ...(rule.from === undefined ? [] : [{ ">=": [NOW_MS, millis(rule.from)] }]),
      ...(rule.until === undefined ? [] : [{ "<": [NOW_MS, millis(rule.until)] }]),
    ];
    const when = conditionLogic(rule.when, `${path}.rules.${i}.when`, o);
    branches.push({ and: [...times, when] }, serveLogic(flag, rules.off, rule.serve, `${path}.rules.${i}.serve`));
  }
  const otherwise = serveLogic(flag, rules.off, rules.otherwise, `${path}.otherwise`);
  return branches.length === 0 ? otherwise : { if: [...branches, otherwise] };
}

/** flagd's clock has seconds. */
const NOW_MS: Logic = { "*": [{ var: "$flagd.timestamp" }, 1_000] };
/** `flagProblems` has seen to it that it is an instant. */
const millis = (instant: string): number => parseInstant(instant) ?? Number.NaN;

function serveLogic(flag: Flag, off: string | null, serve: Serve, path: string): Logic {
  if (serve.kind === "variant") return serve.variant;
  if (serve.kind === "logic") {
    const logic = keptLogic(flag, serve);
    if (serve.variant === off) return logic;
    if (serve.variant === null)
      throw new NotWritten(
        `${path}.variant`,
        "flagd has one default variant for all rules: name one, or make off null",
      );
    return { if: [{ "!==": [logic, null] }, logic, serve.variant] };
  }
  checkHash(flag.hashVersion, "hashVersion");
  const by: Logic = { var: serve.by };
  return { if: [hasBucket(by), { fractional: [{ cat: [flag.salt, by] }, ...weights(serve)] }, off] };
}

function keptLogic(flag: Flag, serve: ServeLogic): Logic {
  if (JSON.stringify(serve.logic).includes('"fractional"')) checkHash(flag.hashVersion, "hashVersion");
  // None at all answers nothing.
  return Object.keys(serve.logic).length === 0 ? null : serve.logic;
}

function weights(serve: ServeSplit | ServeRollout): Logic[] {
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
