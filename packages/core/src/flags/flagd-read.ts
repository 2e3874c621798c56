import { compileLogic, LogicProblem } from "./logic.ts";
import type { Flag, FlagObject, FlagRules, FlagType, FlagValue, HashVersion, Serve } from "./model.ts";
import {
  FLAG_NAME,
  isObject,
  PURPOSES,
  type ReadFlag,
  type ReadFlags,
  type ReadProblem,
  Refused,
  VARIANT_NAME,
} from "./read.ts";

/**
 * The flags of a file in flagd JSON (flagd.dev, flag definitions), in one environment. Targeting is kept as it is and evaluated
 * as flagd does, so that everybody keeps their variant; `$evaluators` are written in where they are named. A disabled flag, and
 * one that is switched off later, leaves the value in the code, as in flagd.
 */
export function readFlagd(
  file: unknown,
  o: { readonly environment: string; readonly hashVersion?: Exclude<HashVersion, "unleash"> },
): ReadFlags {
  const problems: ReadProblem[] = [];
  const flags: ReadFlag[] = [];
  if (!isObject(file) || !isObject(file.flags))
    return {
      flags,
      problems: [
        { flag: null, path: "flags", message: "there is no object of flags: is this flagd JSON?", isRefused: true },
      ],
    };
  const evaluators = isObject(file.$evaluators) ? file.$evaluators : {};
  const shared = metadataOf(file.metadata);
  for (const [key, given] of Object.entries(file.flags)) {
    try {
      flags.push({ key, flag: readFlag(key, given, { ...o, evaluators, shared }) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problems.push({ flag: key, path: `flags.${key}${error.path}`, message: error.message, isRefused: true });
    }
  }
  return { flags, problems };
}

interface Reading {
  readonly environment: string;
  readonly hashVersion?: Exclude<HashVersion, "unleash">;
  readonly evaluators: Readonly<Record<string, unknown>>;
  readonly shared: Readonly<Record<string, string | number | boolean>>;
}

function readFlag(key: string, given: unknown, o: Reading): ReadFlag["flag"] {
  if (!FLAG_NAME.test(key))
    throw new Refused("", "a key has letters, digits and . _ - only: rename it, here and in the code");
  if (!isObject(given)) throw new Refused("", "must be an object");
  const { state } = given;
  if (state !== "ENABLED" && state !== "DISABLED") throw new Refused(".state", "must be ENABLED or DISABLED");
  const { variants, type } = variantsOf(given.variants);
  const byDefault = defaultOf(given.defaultVariant, variants);
  const hashVersion = o.hashVersion ?? "flagd-2";
  const { purpose, ...metadata } = { ...o.shared, ...metadataOf(given.metadata) };
  const known = PURPOSES.find((one) => one === purpose);
  const told = known || purpose === undefined ? metadata : { purpose, ...metadata };
  const rules: FlagRules = {
    isEnabled: state === "ENABLED",
    off: null,
    prerequisites: [],
    rules: [],
    otherwise: serveOf(given.targeting, byDefault, { ...o, hashVersion }),
  };
  return {
    ...{ type, description: "", purpose: known ?? "release", owner: "", tags: [], isPublic: false },
    ...{ variants, salt: key, hashVersion },
    ...(Object.keys(told).length > 0 ? { metadata: told } : {}),
    environments: { [o.environment]: rules },
  };
}

function serveOf(
  targeting: unknown,
  byDefault: string | null,
  o: Reading & { readonly hashVersion: HashVersion },
): Serve {
  const isPlain =
    targeting === undefined || targeting === null || (isObject(targeting) && Object.keys(targeting).length === 0);
  if (isPlain)
    return byDefault === null ? { kind: "logic", logic: {}, variant: null } : { kind: "variant", variant: byDefault };
  if (!isObject(targeting)) throw new Refused(".targeting", "must be an object of JSON logic");
  const logic = withEvaluators(targeting, o.evaluators, ".targeting", []) as FlagObject;
  try {
    compileLogic(logic, o.hashVersion === "flagd-3" ? "flagd-3" : "flagd-2", ".targeting");
  } catch (error) {
    if (!(error instanceof LogicProblem)) throw error;
    throw new Refused(error.path, `${error.message}. flagd answers an error to everybody: mend it, or take it out`);
  }
  return { kind: "logic", logic, variant: byDefault };
}

function variantsOf(given: unknown): { readonly variants: Flag["variants"]; readonly type: FlagType } {
  const entries = isObject(given) ? Object.entries(given) : [];
  const types = new Set<FlagType>();
  for (const [name, value] of entries) {
    const path = `.variants.${name}`;
    if (!VARIANT_NAME.test(name))
      throw new Refused(path, "a variant's name has letters, digits and . _ - only: rename it");
    if (value === null || value === undefined) throw new Refused(path, "has no value");
    types.add(typeOf(value));
  }
  const [type, another] = types;
  if (!type) throw new Refused(".variants", "name at least one");
  if (another) throw new Refused(".variants", `has values of ${type} and of ${another}: a flag has one type`);
  return { variants: Object.fromEntries(entries) as Record<string, FlagValue>, type };
}
const typeOf = (value: unknown): FlagType =>
  typeof value === "boolean" || typeof value === "string" || typeof value === "number"
    ? (typeof value as FlagType)
    : "json";

function defaultOf(given: unknown, variants: Flag["variants"]): string | null {
  if (given === undefined || given === null || given === "") return null;
  // flagd's schema has a text; in older files true stands for "true".
  const name = String(given);
  if (Object.hasOwn(variants, name)) return name;
  throw new Refused(".defaultVariant", `there is no variant "${name}": flagd refuses the whole file`);
}

/** Only what flagd allows: texts, numbers, true and false. */
function metadataOf(given: unknown): Record<string, string | number | boolean> {
  const all = isObject(given) ? Object.entries(given) : [];
  return Object.fromEntries(
    all.filter((one): one is [string, string | number | boolean] =>
      ["string", "number", "boolean"].includes(typeof one[1]),
    ),
  );
}

/** Logic with the evaluators written in that it names, which may name others. */
function withEvaluators(
  logic: unknown,
  evaluators: Readonly<Record<string, unknown>>,
  path: string,
  within: readonly string[],
): unknown {
  if (Array.isArray(logic)) return logic.map((one, i) => withEvaluators(one, evaluators, `${path}.${i}`, within));
  if (!isObject(logic)) return logic;
  const name = logic.$ref;
  if (typeof name === "string" && Object.keys(logic).length === 1) {
    if (within.includes(name)) throw new Refused(`${path}.$ref`, `the evaluator "${name}" names itself, over others`);
    // One that there is not is told of when the logic is compiled.
    return Object.hasOwn(evaluators, name)
      ? withEvaluators(evaluators[name], evaluators, `$evaluators.${name}`, [...within, name])
      : logic;
  }
  return Object.fromEntries(
    Object.entries(logic).map(([operator, given]) => [
      operator,
      withEvaluators(given, evaluators, `${path}.${operator}`, within),
    ]),
  );
}
