import { ServiceConfig } from "@latchkey/api/models";
import { pathMistakes } from "@latchkey/core/delivery/promotion";
import type { z } from "zod";
import { didYouMean, nearest } from "./nearest.ts";

/** What is wrong with a configuration: which field, where it stands, and how to mend it. */
export interface Mistake {
  /** e.g. gates.0.timeoutMs; "" for the whole service. */
  readonly path: readonly (string | number)[];
  /** True when the last part of the path is a key that must not be there: the key's own place is shown. */
  readonly atKey: boolean;
  readonly message: string;
}
export interface Place {
  readonly line: number;
  readonly column: number;
}
export interface PlacedMistake extends Mistake {
  readonly place: Place | null;
  /** Which service of the file, from 1; null when the mistake is the file's own. */
  readonly service: number | null;
}

/** A configuration that can't be used. The message tells every mistake in a form that people can act on. */
export class ConfigError extends Error {
  readonly file: string;
  readonly mistakes: readonly PlacedMistake[];
  constructor(file: string, mistakes: readonly PlacedMistake[], source: string | null = null) {
    super(render(file, mistakes, source));
    this.file = file;
    this.mistakes = mistakes;
  }
}

/** A mistake of the file as a whole, such as a syntax error. */
export function fileMistake(message: string, place: Place | null = null): PlacedMistake {
  return { path: [], atKey: false, message, place, service: null };
}

function render(file: string, mistakes: readonly PlacedMistake[], source: string | null): string {
  const several = new Set(mistakes.map((m) => m.service)).size > 1;
  const lines = mistakes.map((m) => {
    const where = m.place ? `line ${m.place.line}, column ${m.place.column}: ` : "";
    const who = several && m.service !== null ? `service ${m.service}, ` : "";
    const field = m.path.length > 0 ? `${who}${m.path.join(".")}: ` : who;
    return `  ${where}${field}${m.message}`;
  });
  const head = `${file} has ${mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`}:`;
  const [first] = mistakes;
  const frame = source !== null && first?.place && mistakes.length === 1 ? `\n${codeFrame(source, first.place)}` : "";
  return `${head}\n${lines.join("\n")}${frame}`;
}

/** The line itself, with the one before it, and a mark under the column. */
export function codeFrame(source: string, place: Place): string {
  const all = source.split("\n");
  const width = String(place.line).length;
  const shown = [place.line - 1, place.line]
    .filter((n) => n >= 1 && n <= all.length)
    .map((n) => `  ${String(n).padStart(width)} | ${all[n - 1]}`);
  return [...shown, `  ${" ".repeat(width)} | ${" ".repeat(Math.max(0, place.column - 1))}^`].join("\n");
}

/** Checks one service as it was written. Fields that are left out get their defaults. */
export function checkService(
  given: unknown,
): { readonly ok: true; readonly config: ServiceConfig } | { readonly ok: false; readonly mistakes: Mistake[] } {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const message = `a service is an object with name, source and build, not ${kindOf(given)}.`;
    return { ok: false, mistakes: [{ path: [], atKey: false, message }] };
  }
  const parsed = ServiceConfig.safeParse(given, { reportInput: true });
  if (!parsed.success)
    return { ok: false, mistakes: parsed.error.issues.flatMap((issue) => explainIssue(issue, given)) };
  const mistakes = contradictions(parsed.data);
  return mistakes.length > 0 ? { ok: false, mistakes } : { ok: true, config: parsed.data };
}

const EXAMPLES: Readonly<Record<string, string>> = {
  name: '"shop"',
  source: '"apps/shop"',
  build: '["npm", "run", "build"]',
  command: '["npm", "test"]',
  path: '"/healthz"',
};

function explainIssue(issue: z.core.$ZodIssue, root: unknown): Mistake[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  const at = (message: string): Mistake[] => [{ path, atKey: false, message }];
  const last = String(path.at(-1) ?? "");
  const value = valueAt(root, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({ path: [...path, key], atKey: true, message: unknownKey(key, path) }));
    case "invalid_type":
      if (value === undefined) {
        const example = EXAMPLES[last] ? `, such as ${last}: ${EXAMPLES[last]}` : "";
        return at(`is missing. Add it${example}.`);
      }
      return at(`must be ${withArticle(issue.expected)}, not ${kindOf(value)}.${wrongTypeFix(issue.expected, value)}`);
    case "invalid_value": {
      const allowed = issue.values.map(String);
      if (value === undefined) return at(`is missing. Add it: one of ${allowed.join(", ")}.`);
      const meant = nearest(String(value), allowed);
      return at(`${show(value)} is not one of ${allowed.join(", ")}.${meant ? ` Did you mean ${meant}?` : ""}`);
    }
    case "too_small":
    case "too_big":
      return at(outOfRange(issue, value));
    case "invalid_format":
      return at(
        "prefix" in issue
          ? `${show(value)} must start with ${String(issue.prefix)}.`
          : `${show(value)} ${/^Invalid/.test(issue.message) ? "does not fit:" : "must be"} ${issue.message}.`,
      );
    case "custom":
      return at(issue.message);
    default:
      return at(`${show(value)} does not fit: ${issue.message}.`);
  }
}

function wrongTypeFix(expected: string, value: unknown): string {
  if (expected === "array" && typeof value === "string")
    return ` Write each word on its own: ${JSON.stringify(value.trim().split(/\s+/))}.`;
  if ((expected === "number" || expected === "int") && typeof value === "string" && /^\d/.test(value.trim()))
    return /^\d+(\.\d+)?$/.test(value.trim())
      ? " Leave the quotes out."
      : " Times are in milliseconds, shares are plain numbers.";
  if (expected === "int" && typeof value === "number") return " Round it.";
  return "";
}

function unknownKey(key: string, path: readonly (string | number)[]): string {
  const known = keysAt(path);
  const meant = nearest(key, known);
  if (meant) return `there is no such field. Did you mean ${meant}?`;
  // A field that exists elsewhere was put at the wrong depth.
  const home = homeOf(key);
  if (home && home !== path.join(".")) return `there is no such field here. It belongs in ${home}.`;
  return `there is no such field. There are ${known.join(", ")}.`;
}

function outOfRange(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, value: unknown): string {
  const small = issue.code === "too_small";
  const bound = String(small ? issue.minimum : issue.maximum);
  const word = small ? "at least" : "at most";
  if (issue.origin === "string")
    return Number(bound) === 1 && small ? "must not be empty." : `must have ${word} ${bound} characters.`;
  if (issue.origin === "array") {
    const entries = Number(bound) === 1 ? "entry" : "entries";
    return `must have ${word} ${bound} ${entries}; it has ${Array.isArray(value) ? value.length : 0}.`;
  }
  return `must be ${word} ${bound}; it is ${show(value)}.`;
}

/** What each field allows by itself, but not together. */
function contradictions(config: ServiceConfig): Mistake[] {
  const found: Mistake[] = [];
  const say = (path: (string | number)[], message: string) => found.push({ path, atKey: false, message });
  config.strategy.steps.forEach((step, i, steps) => {
    const before = steps[i - 1];
    if (before && step.trafficPercent <= before.trafficPercent)
      say(
        ["strategy", "steps", i, "trafficPercent"],
        `must be more than the ${before.trafficPercent} of the step before it; it is ${step.trafficPercent}.`,
      );
  });
  const { harmErrorRatio, safeErrorRatio, harmLatency, safeLatency } = config.analysis;
  if (safeErrorRatio < harmErrorRatio)
    say(
      ["analysis", "safeErrorRatio"],
      `must not be less than harmErrorRatio (${harmErrorRatio}); it is ${safeErrorRatio}.`,
    );
  if (safeLatency < harmLatency)
    say(["analysis", "safeLatency"], `must not be less than harmLatency (${harmLatency}); it is ${safeLatency}.`);
  config.gates.forEach((gate, i) => {
    if (config.gates.findIndex((other) => other.name === gate.name) < i)
      say(["gates", i, "name"], `there is another gate named ${JSON.stringify(gate.name)}. Give each its own name.`);
  });
  config.environments.forEach((name, i) => {
    if (config.environments.indexOf(name) < i)
      say(["environments", i], `${JSON.stringify(name)} is there twice. Take one away.`);
  });
  for (const name of Object.keys(config.targets ?? {}))
    if (!config.environments.includes(name)) found.push(strangeTarget(name, config.environments));
  const promotions = config.promotions ?? [];
  for (const { index, field, words } of pathMistakes(config.environments, promotions))
    say(["promotions", index, field], words);
  const merged = config.github?.environment ?? config.environments[0] ?? "";
  const step = promotions.find(({ to }) => to === merged);
  if (config.github?.deployOnMerge && step)
    say(
      ["github", "environment"],
      `is ${merged}, which releases are promoted to from ${step.from}: merges can't be deployed there. Set it to the first environment of the path.`,
    );
  return found;
}

function strangeTarget(name: string, environments: readonly string[]): Mistake {
  const meant = didYouMean(name, environments);
  const message = `is not one of environments (${environments.join(", ")}).${meant || " Add it there, or take this away."}`;
  return { path: ["targets", name], atKey: true, message };
}

/** The schema below defaults and lists, as far as a path leads. */
function schemaAt(path: readonly (string | number)[]): unknown {
  let schema: unknown = ServiceConfig;
  for (const part of path) {
    const inner = unwrap(schema) as { shape?: Record<string, unknown>; element?: unknown };
    schema = typeof part === "number" ? inner.element : inner.shape?.[part];
    if (schema === undefined) return undefined;
  }
  return unwrap(schema);
}

function unwrap(schema: unknown): unknown {
  let inner = schema as { def?: { innerType?: unknown } };
  while (inner.def?.innerType) inner = inner.def.innerType as typeof inner;
  return inner;
}

export function keysAt(path: readonly (string | number)[]): string[] {
  return Object.keys((schemaAt(path) as { shape?: Record<string, unknown> } | undefined)?.shape ?? {});
}

function homeOf(key: string): string | null {
  for (const group of ["strategy", "analysis", "health", "routing"]) if (keysAt([group]).includes(key)) return group;
  return keysAt([]).includes(key) ? "the service itself" : null;
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const part of path) value = (value as Record<string | number, unknown> | null | undefined)?.[part];
  return value;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing (null)";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? `the text ${show(value)}` : `${show(value)}`;
}

function show(value: unknown): string {
  const text = typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function withArticle(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "an object",
  };
  return words[expected] ?? expected;
}
