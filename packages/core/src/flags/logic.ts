import { type FlagdHash, fractional } from "./fractional.ts";
import { type Comparison, checked, fail, holds, isIn, isTruthy, numberOf, part, readPath } from "./logic-values.ts";
import type { EvaluationContext } from "./model.ts";
import { compareVersions, parseVersion } from "./versions.ts";

/**
 * flagd's targeting, which is JSON logic with operators of its own (flagd.dev, flag definitions), compiled to closures. What a
 * term means is what flagd's evaluator for JavaScript makes of it; only texts are hashed as UTF-8, as flagd itself does.
 */
export interface LogicCall {
  readonly flagKey: string;
  readonly context: EvaluationContext;
  readonly nowMs: number;
}
/** `data` is the context, or the member of a list that `some`, `map` and the like go through. */
export type Term = (data: unknown, call: LogicCall) => unknown;

/** Logic that can't be compiled: where in it, and how to mend it. */
export class LogicProblem extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}
/** So deep logic may be nested: an evaluation goes down as deep. */
const DEPTH_MAX = 60;

interface Place {
  readonly path: string;
  readonly hash: FlagdHash;
  /** Within a list that is gone through, where the data is one of its members. */
  readonly isWithin: boolean;
  readonly depth: number;
}

/** The closure of a piece of logic. Throws a LogicProblem; the closure throws when an operator can't work with what it is given. */
export function compileLogic(logic: unknown, hash: FlagdHash, path = "logic"): Term {
  return compile(logic, { path, hash, isWithin: false, depth: 0 });
}

function compile(logic: unknown, at: Place): Term {
  if (at.depth > DEPTH_MAX) throw new LogicProblem(at.path, `is nested more than ${DEPTH_MAX} deep`);
  if (typeof logic !== "object" || logic === null) return () => logic;
  if (Array.isArray(logic)) {
    const terms = logic.map((one, i) => compile(one, below(at, String(i))));
    return (data, call) => terms.map((term) => term(data, call));
  }
  const [entry, another] = Object.entries(logic);
  if (!entry) return () => logic;
  const [name, given] = entry;
  if (another) throw new LogicProblem(at.path, `has ${name} and ${another[0]}: one operator stands in an object`);
  if (name === "$ref")
    throw new LogicProblem(`${at.path}.$ref`, `there is no evaluator "${String(given)}" in $evaluators`);
  const inner = below(at, name);
  if (name === "var") return variable(given, inner);
  const lazy = Object.hasOwn(LAZY, name) ? LAZY[name] : undefined;
  if (lazy) {
    if (Array.isArray(given)) return lazy(given, inner);
    if (name === "!" || name === "!!") return lazy([given], inner);
    throw new LogicProblem(inner.path, "needs a list of terms");
  }
  const eager = Object.hasOwn(EAGER, name) ? EAGER[name] : undefined;
  if (!eager) throw new LogicProblem(inner.path, `flagd has no operator "${name}"`);
  const args = argsOf(given, inner);
  return (data, call) => eager(args(data, call), data, call, inner);
}

const below = (at: Place, name: string): Place => ({ ...at, path: `${at.path}.${name}`, depth: at.depth + 1 });

/** What stands alone is a list of one; a term that answers a list gives its members. */
function argsOf(given: unknown, at: Place): (data: unknown, call: LogicCall) => readonly unknown[] {
  if (Array.isArray(given)) {
    const terms = given.map((one, i) => compile(one, below(at, String(i))));
    return (data, call) => terms.map((term) => term(data, call));
  }
  const term = compile(given, at);
  return (data, call) => {
    const value = term(data, call);
    return Array.isArray(value) ? value : [value];
  };
}

function variable(given: unknown, at: Place): Term {
  const [name, otherwise = null] = Array.isArray(given) ? (given as readonly unknown[]) : [given];
  const fallback = compile(otherwise, at);
  const read = (path: unknown): Term => {
    if (path === undefined || path === null || path === "") return (data) => data;
    const names = String(path).split(".");
    if (names[0] === "..")
      throw new LogicProblem(at.path, `"${String(path)}" leads out of the list: not every flagd evaluator knows that`);
    return (data, call) => valueAt(names, data, call, at) ?? fallback(data, call);
  };
  if (typeof name !== "object" || name === null) return read(name);
  const named = compile(name, at);
  return (data, call) => read(named(data, call))(data, call);
}

/** A value of the data, or of what flagd puts into every context. Its clock has seconds. */
function valueAt(path: readonly string[], data: unknown, { flagKey, nowMs }: LogicCall, at: Place): unknown {
  if (at.isWithin || path[0] !== "$flagd") return readPath(data, path);
  return readPath({ flagKey, timestamp: Math.floor(nowMs / 1_000) }, path.slice(1));
}

type Lazy = (given: readonly unknown[], at: Place) => Term;
const LAZY: Readonly<Record<string, Lazy>> = {
  if: choice,
  "?:": choice,
  and: (given, at) => shortCut(given, at, (value) => !isTruthy(value)),
  or: (given, at) => shortCut(given, at, isTruthy),
  "!": (given, at) => truth(given, at, false),
  "!!": (given, at) => truth(given, at, true),
  "===": (given, at) => chain(given, at, (a, b) => a === b),
  "!==": (given, at) => chain(given, at, (a, b) => a !== b),
  ...Object.fromEntries(
    (["==", "!=", "<", "<=", ">", ">="] as const satisfies readonly Comparison[]).map((one): [string, Lazy] => [
      one,
      (given, at) => {
        const asked = isAsked(given[1]);
        return chain(given, at, (a, b) => holds(one, a, b, asked));
      },
    ]),
  ),
  map: (given, at) => through(given, at, (list, member) => list.map(member)),
  filter: (given, at) => through(given, at, (list, member) => list.filter((one) => isTruthy(member(one)))),
  some: (given, at) => through(given, at, (list, member) => list.some((one) => isTruthy(member(one)))),
  none: (given, at) => through(given, at, (list, member) => !list.some((one) => isTruthy(member(one)))),
  // All of an empty list is false; of none at all it is true. flagd's evaluator has it so.
  all: (given, at) => {
    const list = compile(given[0], below(at, "0"));
    const every = through(given, at, (all, member) => all.every((one) => isTruthy(member(one))));
    return (data, call) => {
      const value = list(data, call);
      return !(Array.isArray(value) && value.length === 0) && every(data, call);
    };
  },
  reduce,
};

const terms = (given: readonly unknown[], at: Place): Term[] =>
  given.map((one, i) => compile(one, below(at, String(i))));

function choice(given: readonly unknown[], at: Place): Term {
  const parts = terms(given, at);
  const last = parts.length % 2 === 1 ? parts.pop() : undefined;
  return (data, call) => {
    for (let i = 0; i < parts.length; i += 2)
      if (isTruthy((parts[i] as Term)(data, call))) return (parts[i + 1] as Term)(data, call);
    return last ? last(data, call) : null;
  };
}

function shortCut(given: readonly unknown[], at: Place, ends: (value: unknown) => boolean): Term {
  const parts = terms(given, at);
  return (data, call) => {
    let value: unknown = null;
    for (const term of parts) {
      value = term(data, call);
      if (ends(value)) return value;
    }
    return value;
  };
}

function truth(given: readonly unknown[], at: Place, wanted: boolean): Term {
  const [term = () => null] = terms(given, at);
  return (data, call) => isTruthy(term(data, call)) === wanted;
}

/** Whether a term is an attribute, or one or the other of some. */
const isAsked = (term: unknown): boolean =>
  typeof term === "object" && term !== null && ["var", "and", "or"].some((name) => Object.hasOwn(term, name));

function chain(given: readonly unknown[], at: Place, relation: (a: unknown, b: unknown) => boolean): Term {
  const [first, second, ...rest] = terms(given, at);
  if (!first || !second) throw new LogicProblem(at.path, "compares at least two terms");
  if (rest.length === 0) return (data, call) => relation(first(data, call), second(data, call));
  const others = [second, ...rest];
  return (data, call) => {
    let before = first(data, call);
    for (const term of others) {
      const value = term(data, call);
      if (!relation(before, value)) return false;
      before = value;
    }
    return true;
  };
}

/** An operator that goes through a list; nothing counts as an empty one. */
function through(
  given: readonly unknown[],
  at: Place,
  run: (list: readonly unknown[], member: (one: unknown) => unknown) => unknown,
): Term {
  const list = compile(given[0], below(at, "0"));
  const mapper = compile(given[1] ?? null, { ...below(at, "1"), isWithin: true });
  return (data, call) => run(listOf(list(data, call)), (one) => mapper(one, call));
}
function listOf(value: unknown): readonly unknown[] {
  if (!value) return [];
  return Array.isArray(value) ? value : fail("a list is needed");
}

function reduce(given: readonly unknown[], at: Place): Term {
  const list = compile(given[0], below(at, "0"));
  const step = compile(given[1] ?? null, { ...below(at, "1"), isWithin: true });
  const start = given.length > 2 ? compile(given[2], below(at, "2")) : null;
  return (data, call) => {
    const members = listOf(list(data, call));
    if (!start && members.length === 0) return fail("there is nothing to reduce");
    const from = start ? start(data, call) : members[0];
    return members.slice(start ? 0 : 1).reduce((accumulator, current) => step({ accumulator, current }, call), from);
  };
}

type Eager = (args: readonly unknown[], data: unknown, call: LogicCall, at: Place) => unknown;
const EAGER: Readonly<Record<string, Eager>> = {
  "+": (args) => checked(args.reduce<number>((sum, one) => sum + numberOf(one), 0)),
  "*": (args) => checked(args.reduce<number>((product, one) => product * numberOf(one), 1)),
  "-": (args) => (args.length === 1 ? -numberOf(args[0]) : fold(args, (a, b) => a - b)),
  "/": (args) => fold(args.length === 1 ? [1, args[0]] : args, (a, b) => (b === 0 ? fail("divided by 0") : a / b)),
  "%": (args) => (args.length < 2 ? fail("% needs two numbers") : fold(args, (a, b) => a % b)),
  max: (args) => Math.max(...numbersOf(args)),
  min: (args) => Math.min(...numbersOf(args)),
  in: ([value, within]) => isIn(value, within),
  cat: (args) => args.reduce<string>((text, one) => text + String(one), ""),
  substr: ([text, from, length]) => part(text, from, length),
  merge: (args) => args.flat(1),
  missing: (args, data, call, at) => missing(args, data, call, at),
  missing_some: ([needed, names], data, call, at) => {
    const all = listOf(names);
    const gone = missing(all, data, call, at);
    return all.length - gone.length >= Number(needed) ? [] : gone;
  },
  starts_with: (args) => (isTwoTexts(args) ? args[0].startsWith(args[1]) : null),
  ends_with: (args) => (isTwoTexts(args) ? args[0].endsWith(args[1]) : null),
  sem_ver: semVer,
  fractional: (args, _, { flagKey, context }, { hash, isWithin }) =>
    isWithin ? null : fractional(args, { hash, flagKey, targetingKey: context.targetingKey ?? null }),
};

function fold(args: readonly unknown[], step: (a: number, b: number) => number): number {
  if (args.length === 0) return fail("a number is needed");
  return checked(args.slice(1).reduce<number>((value, one) => step(value, numberOf(one)), numberOf(args[0])));
}
function numbersOf(args: readonly unknown[]): number[] {
  if (args.length === 0) fail("a number is needed");
  return args.map((one) => (typeof one === "number" ? one : fail("a number is needed")));
}
const missing = (names: readonly unknown[], data: unknown, call: LogicCall, at: Place): unknown[] =>
  names.filter((name) => valueAt(String(name).split("."), data, call, at) === undefined);
const isTwoTexts = (args: readonly unknown[]): args is readonly [string, string] =>
  args.length === 2 && typeof args[0] === "string" && typeof args[1] === "string";

/** Null, and so the default variant, for what is no version or no operator. */
function semVer(args: readonly unknown[]): boolean | null {
  if (args.length !== 3) return null;
  const [a, b] = [parseVersion(String(args[0])), parseVersion(String(args[2]))];
  if (!a || !b) return null;
  const order = compareVersions(a, b);
  switch (args[1]) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "^":
      return a.numbers[0] === b.numbers[0];
    case "~":
      return a.numbers[0] === b.numbers[0] && a.numbers[1] === b.numbers[1];
    default:
      return null;
  }
}
