import { contract, type RouteSpec } from "@latchkey/api/contract";
import { Problem } from "@latchkey/api/models";
import type { RouteName } from "@latchkey/api/paths";
import type { Operation } from "./description.ts";
import type { Answer } from "./line.ts";

/** Traces of our insides. Nothing that the fuzz sends looks like one, so an answer that does has it from us. */
const INSIDES: readonly (readonly [what: string, form: RegExp])[] = [
  ["a stack frame", /^\s*at (async )?(new )?[\w$.<>[\] ]+ \(|\bat (file:\/\/|node:|async )|\.(mjs|ts|js):\d+/m],
  ["a folder of the installation", /node_modules|\/dist\/|\/apps\/server\/|latchkey-test-|latchkey-fuzz-/],
  ["a statement of SQL", /\b(select [\w*, "]+ from|insert into|delete from|update \w+ set|returning) [\w"]/],
  [
    "words of PostgreSQL",
    /violates|invalid input syntax|duplicate key|out of range for type|syntax error at|index row/,
  ],
  ["the name of a library", /kysely|node-postgres|\bpg-|fastify|FST_ERR|ZodError|\bundici\b/i],
  ["an error's name", /\b(Type|Range|Syntax|Reference|Aggregate)Error\b|ENOENT|EACCES|ENAMETOOLONG|ENOTDIR|ELOOP/],
];

/** What an answer tells of our insides, in words. */
export function insidesIn(text: string): string[] {
  return INSIDES.filter(([, form]) => form.test(text)).map(([what]) => what);
}

/** What is wrong with an answer, whatever was asked; empty when nothing is. */
export function faultsOf(operation: Operation, answer: Answer): string[] {
  const { status, headers, text } = answer;
  if (status === 0) return ["the connection was closed without an answer"];
  if (status >= 500) return [`it was answered with ${status}: ${text.slice(0, 300)}`];
  if (status >= 400) return problemFaults(answer);
  const faults: string[] = [];
  if (!operation.successes.includes(status)) faults.push(`its description does not know the status ${status}`);
  if (status === 204) return faults;
  if (!headers["content-type"]?.startsWith("application/json"))
    return [...faults, `a success is of the type ${headers["content-type"]}`];
  const rules: RouteSpec = contract[operation.id as RouteName];
  const parsed = rules.answers.safeParse(jsonIn(text));
  if (!parsed.success) faults.push(`the answer is not as described: ${parsed.error.message.slice(0, 300)}`);
  return faults;
}

function problemFaults({ status, headers, text }: Answer): string[] {
  const faults = insidesIn(text).map((what) => `the problem holds ${what}: ${text.slice(0, 300)}`);
  if (!headers["content-type"]?.startsWith("application/problem+json"))
    faults.push(`an error is of the type ${headers["content-type"]}: ${text.slice(0, 200)}`);
  const parsed = Problem.safeParse(jsonIn(text));
  if (!parsed.success) return [...faults, `an error is no problem document: ${text.slice(0, 200)}`];
  const { code, detail, remedy, status: said } = parsed.data;
  if (!/^LK_[A-Z_]+$/.test(code)) faults.push(`a problem has the code "${code}"`);
  if (detail === "" || remedy === "") faults.push("a problem says nothing");
  if (headers["x-request-id"] !== parsed.data.requestId)
    faults.push("a problem's request id is not that of its header");
  if (said !== status) faults.push(`a problem says ${said} and came with ${status}`);
  if (code === "LK_INVALID" && !parsed.data.fields?.length && status === 400)
    faults.push(`${code} names no field: ${detail}`);
  return faults;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
