import type { Condition, Flag, FlagRules, FlagType, FlagValue, Rule, Serve } from "./model.ts";
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
import { type Asked, alike, attributeOf, both, constraintsOf, NEVER } from "./unleash-constraints.ts";
import { featuresOf, type UnleashFeature } from "./unleash-file.ts";

/**
 * The features of Unleash in one environment: an export (`/api/admin/features-batch/export`) or what a client is given
 * (`/api/client/features`). Users are hashed as Unleash hashes them, so that everybody keeps what they have: a strategy becomes
 * a rule, its share a condition with the strategy's own group; the last one a rollout that can go on. `userId` is the targeting key.
 */
export function readUnleash(file: unknown, o: { readonly environment: string; readonly from?: string }): ReadFlags {
  const problems: ReadProblem[] = [];
  const flags: ReadFlag[] = [];
  const { features, segments } = featuresOf(file, o.from);
  if (features.length === 0)
    problems.push({
      flag: null,
      path: "features",
      message: "there are none: is this an export of Unleash?",
      isRefused: true,
    });
  for (const feature of features) {
    const { name } = feature;
    const note = (path: string, message: string): void =>
      void problems.push({ flag: name, path: `${name}${path}`, message, isRefused: false });
    try {
      flags.push({ key: name, flag: readFeature(feature, { environment: o.environment, features, segments, note }) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problems.push({ flag: name, path: `${name}${error.path}`, message: error.message, isRefused: true });
    }
  }
  return { flags, problems };
}

interface Reading {
  readonly environment: string;
  readonly features: readonly UnleashFeature[];
  readonly segments: ReadonlyMap<string, unknown>;
  readonly note: (path: string, message: string) => void;
}
type Given = Record<string, unknown>;

/** Whether anybody is given more than on or off. */
const hasVariants = (feature: UnleashFeature): boolean =>
  feature.variants.length > 0 || feature.strategies.some((one) => listOf(one.variants).length > 0);

function readFeature(feature: UnleashFeature, o: Reading): ReadFlag["flag"] {
  if (!FLAG_NAME.test(feature.name))
    throw new Refused("", "a key has letters, digits and . _ - only: rename it, here and in the code");
  const isBoolean = !hasVariants(feature);
  const { variants, type } = isBoolean
    ? { variants: { on: true, off: false }, type: "boolean" as const }
    : variantsOf(feature);
  const salts = new Set<string>();
  const strategies = feature.strategies.filter((one) => one.disabled !== true);
  const rules: Rule[] = [];
  let otherwise: Serve = isBoolean ? { kind: "variant", variant: "off" } : NOTHING;
  if (strategies.length === 0) otherwise = servedBy(feature, {}, salts, "", o);
  strategies.forEach((strategy, i) => {
    const path = `.strategies.${i}`;
    const { asked, share } = askedBy(strategy, path, o);
    const isLast = i === strategies.length - 1 && isBoolean && share !== null;
    // What can go on as a rollout: nobody comes after it.
    const rollout: Serve | null = isLast
      ? { kind: "rollout", by: share.by, variant: "on", against: "off", percent: share.percent }
      : null;
    if (isLast) salts.add(share.salt);
    if (rollout && asked.when.length === 0 && asked.from === undefined && asked.until === undefined) {
      otherwise = rollout;
      return;
    }
    const when: Condition[] = [...asked.when, ...(share && !rollout ? [share] : [])];
    const own = { ...(asked.from ? { from: asked.from } : {}), ...(asked.until ? { until: asked.until } : {}) };
    for (const [n, override] of overridesOf(feature, strategy).entries())
      rules.push({
        id: `strategy-${i + 1}-override-${n + 1}`,
        ...own,
        ...override,
        when: all([...when, override.when]),
      });
    rules.push({
      id: `strategy-${i + 1}`,
      description: String(strategy.title || strategy.name).slice(0, 300),
      ...own,
      when: all(when),
      serve: rollout ?? servedBy(feature, strategy, salts, path, o),
    });
  });
  if (salts.size > 1)
    throw new Refused(
      ".strategies",
      `its groups differ (${[...salts].join(", ")}): a flag has one salt for its shares`,
    );
  const [salt = feature.name] = salts;
  const production: FlagRules = {
    ...{ isEnabled: feature.enabled, off: isBoolean ? "off" : null, rules, otherwise },
    prerequisites: feature.dependencies.map((one, i) => prerequisiteOf(one, `.dependencies.${i}`, o)),
  };
  if (!isBoolean) o.note("", "is asked for its variant; what isEnabled says in the code is whether there is one");
  const purpose =
    PURPOSES.find((one) => one === feature.type) ?? (feature.type === "kill-switch" ? "operational" : "release");
  return {
    ...{ type, description: feature.description, purpose, owner: "", tags: feature.tags, isPublic: false },
    ...{ variants, salt, hashVersion: "unleash", environments: { [o.environment]: production } },
  };
}

/** Nothing is served: the value in the code. */
const NOTHING: Serve = { kind: "logic", logic: {}, variant: null };
const all = (of: readonly Condition[]): Condition => (of.length === 1 && of[0] ? of[0] : { kind: "all", of });
const listOf = (value: unknown): readonly Given[] => (Array.isArray(value) ? value.filter(isObject) : []);

interface Share {
  readonly kind: "share";
  readonly by: string;
  readonly percent: number;
  readonly salt: string;
  readonly hashVersion: "unleash";
}

/** Who a strategy is for: its constraints, those of its segments, and its share. */
function askedBy(strategy: Given, path: string, o: Reading): { readonly asked: Asked; readonly share: Share | null } {
  let asked = constraintsOf(strategy.constraints, `${path}.constraints`);
  for (const id of Array.isArray(strategy.segments) ? strategy.segments : []) {
    const segment = o.segments.get(String(id));
    if (isObject(segment) && !Array.isArray(segment.constraints))
      throw new Refused(
        `${path}.segments`,
        `the file says nothing of the segment ${String(id)}: take what a client is given (/api/client/features)`,
      );
    asked = both(
      asked,
      isObject(segment) ? constraintsOf(segment.constraints, `segments.${String(id)}`) : { when: [NEVER] },
    );
  }
  const parameters = isObject(strategy.parameters) ? strategy.parameters : {};
  const of = (condition: Condition) => ({ asked: both(asked, { when: [condition] }), share: null });
  const listed = (name: string) =>
    String(parameters[name] ?? "")
      .split(/\s*,\s*/)
      .filter(Boolean);
  const group = String(parameters.groupId || "");
  switch (strategy.name) {
    case "default":
      return { asked, share: null };
    case "flexibleRollout":
      return rolloutOf({ asked, percent: Number(parameters.rollout), group, path, o }, parameters);
    case "gradualRolloutUserId":
    case "gradualRolloutSessionId": {
      const stickiness = strategy.name === "gradualRolloutUserId" ? "userId" : "sessionId";
      return rolloutOf({ asked, percent: Number(parameters.percentage), group, path, o }, { stickiness });
    }
    case "userWithId":
      return of(listIn("targetingKey", listed("userIds")));
    case "remoteAddress":
      if (listed("IPs").every((address) => !address.includes("/"))) return of(listIn("remoteAddress", listed("IPs")));
      throw new Refused(`${path}.parameters.IPs`, "there is no equal to ranges of addresses: list them");
    default:
      throw new Refused(
        `${path}.name`,
        `there is no equal to the strategy ${String(strategy.name)}: write its rule anew`,
      );
  }
}
const listIn = (attribute: string, values: readonly string[]): Condition =>
  values.length === 0 ? NEVER : { kind: "attribute", attribute, operator: "in", values: values.flatMap(alike) };

function rolloutOf(
  of: {
    readonly asked: Asked;
    readonly percent: number;
    readonly group: string;
    readonly path: string;
    readonly o: Reading;
  },
  parameters: Given,
): { readonly asked: Asked; readonly share: Share | null } {
  const { asked, percent, group, path, o } = of;
  if (!(percent >= 0 && percent <= 100)) throw new Refused(`${path}.parameters`, "the share must be from 0 to 100");
  const stickiness = String(parameters.stickiness || "default");
  const isAnybody = stickiness === "default" || stickiness === "random";
  if (percent === 100 && isAnybody) return { asked, share: null };
  if (stickiness === "random")
    throw new Refused(`${path}.parameters.stickiness`, "it is thrown anew each time it is asked: choose an attribute");
  if (stickiness === "default")
    o.note(
      `${path}.parameters.stickiness`,
      "who has no userId was chosen by sessionId, or anew each time; here they get nothing",
    );
  const by = attributeOf(stickiness === "default" ? "userId" : stickiness);
  return { asked, share: { kind: "share", by, percent, salt: group, hashVersion: "unleash" } };
}

/** What a strategy serves whom it is for. */
function servedBy(feature: UnleashFeature, strategy: Given, salts: Set<string>, path: string, o: Reading): Serve {
  const own = listOf(strategy.variants);
  const given = own.length > 0 ? own : feature.variants;
  if (!hasVariants(feature)) return { kind: "variant", variant: "on" };
  const total = given.reduce((sum, one) => sum + Number(one.weight), 0);
  if (total === 0) return NOTHING;
  if (total !== 1_000) throw new Refused(`${path}.variants`, `the weights make ${total} together, not 1000`);
  const parameters = isObject(strategy.parameters) ? strategy.parameters : {};
  const stickiness = String(given[0]?.stickiness || (own.length > 0 ? parameters.stickiness : "") || "default");
  if (given.length > 1 && stickiness === "random")
    throw new Refused(`${path}.variants.0.stickiness`, "it is thrown anew each time it is asked: choose an attribute");
  salts.add(own.length > 0 ? String(parameters.groupId) : feature.name);
  const first = given.find((one) => Number(one.weight) === 1_000);
  if (first && stickiness === "random") return { kind: "variant", variant: String(first.name) };
  if (stickiness === "default")
    o.note(
      `${path}.variants.0.stickiness`,
      "who has no userId was chosen by sessionId, remoteAddress, or anew; here they get nothing",
    );
  return {
    kind: "split",
    by: attributeOf(stickiness === "default" ? "userId" : stickiness),
    shares: given
      .filter((one) => Number(one.weight) > 0)
      .map((one) => ({ variant: String(one.name), percent: Number(one.weight) / 10 })),
  };
}

/** Who is given a variant by name, before any share. */
function overridesOf(feature: UnleashFeature, strategy: Given): { readonly when: Condition; readonly serve: Serve }[] {
  const own = listOf(strategy.variants);
  return (own.length > 0 ? own : feature.variants).flatMap((variant) => {
    const of = listOf(variant.overrides).map((one) =>
      listIn(attributeOf(String(one.contextName)), Array.isArray(one.values) ? one.values.map(String) : []),
    );
    const serve: Serve = { kind: "variant", variant: String(variant.name) };
    return of.length === 0 ? [] : [{ when: { kind: "any", of }, serve }];
  });
}

/** Every variant of the feature and its strategies, with its payload; its name where it has none. */
function variantsOf(feature: UnleashFeature): { readonly variants: Flag["variants"]; readonly type: FlagType } {
  const given = [...feature.strategies.flatMap((one) => listOf(one.variants)), ...feature.variants];
  const payloads = new Map<string, { readonly type: FlagType; readonly text: string }>();
  for (const variant of given) {
    const name = String(variant.name);
    if (!VARIANT_NAME.test(name))
      throw new Refused(`.variants.${name}`, "a variant's name has letters, digits and . _ - only: rename it");
    const payload = isObject(variant.payload) ? variant.payload : { type: "string", value: name };
    const type = payload.type === "number" ? "number" : payload.type === "json" ? "json" : "string";
    const text = String(payload.value);
    const known = payloads.get(name);
    if (known && known.text !== text)
      throw new Refused(`.variants.${name}`, "has several payloads: give each its own name");
    payloads.set(name, { type, text });
  }
  const types = new Set([...payloads.values()].map((one) => one.type));
  const [type = "string"] = types.size > 1 ? ["string" as const] : types;
  const entries = [...payloads].map(([name, { text }]) => [name, payloadOf(type, text, name)] as const);
  return { variants: Object.fromEntries(entries), type };
}

function payloadOf(type: FlagType, text: string, name: string): FlagValue {
  if (type === "string") return text;
  try {
    const value: unknown = JSON.parse(text);
    if (type === "number" ? typeof value === "number" : typeof value === "object" && value !== null)
      return value as FlagValue;
  } catch {
    // Told below.
  }
  throw new Refused(`.variants.${name}.payload`, `is no ${type}: "${text.slice(0, 60)}"`);
}

function prerequisiteOf(given: Given, path: string, o: Reading): FlagRules["prerequisites"][number] {
  const flag = String(given.feature);
  const parent = o.features.find((one) => one.name === flag);
  if (!parent) throw new Refused(path, `it depends on ${flag}, which is not in the file`);
  const wanted = Array.isArray(given.variants) ? given.variants.map(String) : [];
  if (!hasVariants(parent)) return { flag, variants: [given.enabled === false ? "off" : "on"] };
  if (given.enabled === false) throw new Refused(path, `${flag} must be off, but has variants: there is no equal`);
  const names = [...parent.variants, ...parent.strategies.flatMap((one) => listOf(one.variants))].map((one) =>
    String(one.name),
  );
  return { flag, variants: wanted.length > 0 ? wanted : [...new Set(names)] };
}
