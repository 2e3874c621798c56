import type { HeaderRule, Redirect } from "@latchkey/netlify-runtime/site";
import { parse, TomlError } from "smol-toml";
import type { Finding } from "../adoption/findings.ts";
import { EDGE_FOLDER } from "./edge-function.ts";

/** What of netlify.toml a release needs, and what of it can't be done here. */
export interface NetlifyConfig {
  readonly base: string;
  readonly publish: string | null;
  readonly command: string | null;
  readonly functionsDir: string;
  readonly edgeFunctionsDir: string;
  /** Of the build, per context: those of `[build.environment]` under those of the context. */
  readonly contexts: Readonly<Record<string, NetlifyContext>>;
  readonly redirects: readonly Redirect[];
  readonly headers: readonly HeaderRule[];
  /** Modules that are not bundled into functions. */
  readonly externalModules: readonly string[];
  readonly findings: readonly Finding[];
}

export interface NetlifyContext {
  readonly command: string | null;
  readonly environment: Readonly<Record<string, string>>;
}

type Table = Readonly<Record<string, unknown>>;
const FILE = "netlify.toml";
export const PRODUCTION = "production";

const table = (value: unknown): Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(table(value)).map(([k, v]) => [k, String(v)]));

/** Reads netlify.toml. A file that is no TOML gives one finding with its line, and null. */
export function readNetlifyToml(source: string): NetlifyConfig | Finding {
  let root: Table;
  try {
    root = parse(source) as Table;
  } catch (cause) {
    const at = cause instanceof TomlError ? cause.line : 1;
    const [why = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    return { kind: "unreadable", file: FILE, line: at, words: `It is no valid TOML: ${why}. It was left alone.` };
  }
  const build = table(root.build);
  const functions = table(root.functions);
  const findings: Finding[] = [];
  return {
    base: text(build.base) ?? "",
    publish: text(build.publish),
    command: text(build.command),
    functionsDir: text(functions.directory) ?? text(build.functions) ?? "netlify/functions",
    edgeFunctionsDir: text(build.edge_functions) ?? EDGE_FOLDER,
    contexts: contextsOf(root, build),
    redirects: list(root.redirects).flatMap((rule, i) =>
      redirectOf(table(rule), lineOf(source, "redirects", i), findings),
    ),
    headers: list(root.headers).flatMap((rule) => {
      const path = text(table(rule).for);
      return path ? [{ for: path, values: texts(table(rule).values) }] : [];
    }),
    externalModules: list(functions.external_node_modules).map(String),
    findings: [...findings, ...beyond(root, source)],
  };
}

function contextsOf(root: Table, build: Table): Record<string, NetlifyContext> {
  const common = texts(build.environment);
  const contexts: Record<string, NetlifyContext> = {
    [PRODUCTION]: { command: text(build.command), environment: common },
  };
  for (const [name, given] of Object.entries(table(root.context))) {
    const context = table(given);
    contexts[name] = {
      command: text(context.command) ?? text(build.command),
      environment: { ...common, ...texts(context.environment) },
    };
  }
  return contexts;
}

function redirectOf(rule: Table, line: number, findings: Finding[]): Redirect[] {
  const from = text(rule.from);
  const to = text(rule.to);
  const leaveOut = (why: string): Redirect[] => {
    findings.push({
      kind: "left_out",
      file: FILE,
      line,
      words: `The redirect from ${from ?? "?"} ${why}. It is left out.`,
    });
    return [];
  };
  if (!from || !to) return leaveOut("lacks from or to");
  if (Object.keys(table(rule.conditions)).length > 0) return leaveOut("has conditions, which only Netlify can judge");
  if (rule.signed !== undefined) return leaveOut("is signed, which only Netlify can do");
  if (/^https?:\/\//.test(from)) return leaveOut("is for a host name; hosts are set in the service's routing");
  const status = typeof rule.status === "number" ? rule.status : 301;
  return [{ from, to, status, force: rule.force === true, query: texts(rule.query) }];
}

/** What Netlify does and a release here does not. */
function beyond(root: Table, source: string): Finding[] {
  const found: Finding[] = [];
  const say = (key: string, words: string) =>
    found.push({ kind: "left_out", file: FILE, line: lineOf(source, key, 0), words });
  if (list(root.plugins).length > 0) say("plugins", "Build plugins run on Netlify only.");
  if (list(root.edge_functions).length > 0) say("edge_functions", "Edge Functions run on Netlify only.");
  for (const [name, of] of Object.entries(table(root.functions)))
    if (text(table(of).schedule))
      say(`functions."${name}"`, `${name} runs on a schedule on Netlify; here it only answers requests.`);
  return found;
}

/** The line of the nth `[[key]]` or `[key]`; 1 when it is written in another way. */
export function lineOf(source: string, key: string, nth: number): number {
  const escaped = key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const heading = new RegExp(`^\\s*\\[\\[?\\s*${escaped}\\s*\\]`);
  let seen = -1;
  for (const [i, line] of source.split("\n").entries()) {
    if (heading.test(line)) seen += 1;
    if (seen === nth) return i + 1;
  }
  return 1;
}
