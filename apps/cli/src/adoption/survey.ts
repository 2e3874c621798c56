import { type FoundFunction, findFunctions } from "../netlify/functions.ts";
import { type NetlifyConfig, PRODUCTION, readNetlifyToml } from "../netlify/toml.ts";
import { readDatabase } from "./database.ts";
import { advice, type Finding, found } from "./findings.ts";
import { findHealth, type HealthEndpoint } from "./health.ts";
import type { Listing } from "./listing.ts";
import { lineWith, type Project, readProject } from "./project.ts";
import { readGitHub } from "./workflows.ts";

/** All that is known of a repository before anything is written. */
export interface Survey {
  readonly project: Project;
  /** The folder that the site is built in, "" for the repository's own. */
  readonly base: string;
  readonly netlify: NetlifyConfig | null;
  readonly functions: readonly FoundFunction[];
  readonly health: HealthEndpoint | null;
  /** The title of its page, for the smoke test. */
  readonly title: string | null;
  /** Latchkey's own configuration, when it is there already. */
  readonly configured: string | null;
  readonly findings: readonly Finding[];
}

/** Looks a repository over. Pure: the same listing gives the same survey. */
export function survey(listing: Listing): Survey {
  const toml = listing.text("netlify.toml");
  const read = toml === null ? null : readNetlifyToml(toml);
  const netlify = read !== null && !("kind" in read) ? read : null;
  const base = plainFolder(netlify?.base ?? "");
  const project = readProject(listing, base);
  const functions = netlify ? findFunctions(listing, joined(netlify.base, netlify.functionsDir)) : [];
  const { endpoint, findings: ofHealth } = netlify ? findHealth(functions, listing) : { endpoint: null, findings: [] };
  const configured = listing.paths.find((path) => /^latchkey\.config\.(ts|ya?ml)$/.test(path)) ?? null;
  return {
    project,
    base,
    netlify,
    functions,
    health: endpoint,
    title: titleIn(listing.text(joined(base, "index.html")) ?? ""),
    configured,
    findings: [
      ...project.findings,
      ...(read === null ? [advice("There is no netlify.toml: only Netlify sites are adopted by themselves.")] : []),
      ...(read !== null && "kind" in read ? [read] : []),
      ...(netlify ? ofNetlify(netlify, listing) : []),
      ...ofFunctions(functions),
      ...ofVariables(functions, listing),
      ...ofHealth,
      ...ofTerraform(listing),
      ...readGitHub(listing),
      ...readDatabase(listing),
    ],
  };
}

/** A page's title as it will be served; null where the build fills it in. */
function titleIn(page: string): string | null {
  const title = /<title>([^<]{1,200})<\/title>/i.exec(page)?.[1]?.trim() ?? "";
  return title === "" || /%|\{\{/.test(title) ? null : title;
}

const plainFolder = (folder: string): string => folder.replace(/^\.?\/+|\/+$/g, "").replace(/^\.$/, "");
const joined = (base: string, dir: string): string =>
  [base.replace(/^\/+|\/+$/g, ""), dir].filter((p) => p !== "").join("/");

function ofNetlify(netlify: NetlifyConfig, listing: Listing): Finding[] {
  const contexts = Object.keys(netlify.contexts);
  const findings = [
    found(
      `Netlify builds it from Git with \`${netlify.command ?? "no command"}\` and publishes ${netlify.publish ?? "nothing"}; contexts: ${contexts.join(", ")}.`,
      "netlify.toml",
    ),
    ...netlify.findings,
  ];
  const baked = Object.keys(netlify.contexts[PRODUCTION]?.environment ?? {}).filter((name) => name.startsWith("VITE_"));
  if (baked.length > 0)
    findings.push(
      found(
        `${baked.join(", ")} are baked into the build: a release is for the environment that it was built for.`,
        "netlify.toml",
        lineWith(listing, "netlify.toml", baked[0] ?? ""),
      ),
    );
  const catchAll = netlify.redirects.find((rule) => rule.from === "/*" && rule.status === 200);
  if (catchAll && !netlify.redirects.some((rule) => rule.status === 404))
    findings.push(
      advice(
        "The redirect from /* answers a script that is missing with the page and status 200: a broken release then looks well. A rule before it, from /assets/* with status 404, would tell.",
        "netlify.toml",
        lineWith(listing, "netlify.toml", `to = "${catchAll.to}"`),
      ),
    );
  return findings;
}

function ofFunctions(functions: readonly FoundFunction[]): Finding[] {
  if (functions.length === 0) return [];
  const count = (kind: string) => functions.filter((fn) => fn.kind === kind).length;
  const kinds = ["CommonJS", "ESM", "TypeScript"].map((kind) => `${count(kind)} ${kind}`).join(", ");
  return [
    found(`There are ${functions.length} functions: ${kinds}.`),
    ...functions.flatMap((fn) =>
      fn.twins.map((twin) => advice(`Never deployed: ${fn.file} has the same name and goes before it.`, twin, 1)),
    ),
  ];
}

/** Variables that functions read at run time come from Netlify's settings: here somebody must give them. */
function ofVariables(functions: readonly FoundFunction[], listing: Listing): Finding[] {
  const dirs = new Set(functions.map((fn) => fn.file.split("/").slice(0, 1).join("/")));
  const names = new Set<string>();
  for (const path of listing.paths) {
    if (!dirs.has(path.split("/")[0] ?? "") || !/\.[mc]?[jt]s$/.test(path)) continue;
    const text = listing.text(path) ?? "";
    for (const [, name = ""] of text.matchAll(/process\.env\.([A-Z][A-Z0-9_]*)/g)) names.add(name);
    for (const [, list = ""] of text.matchAll(/\{([^{}]*)\}\s*=\s*process\.env\b/g))
      for (const [name] of list.matchAll(/\b[A-Z][A-Z0-9_]+\b/g)) names.add(name);
  }
  const own = ["NODE_ENV", "CONTEXT", "URL", "DEPLOY_ID", "PORT"];
  const wanted = [...names].filter((name) => !own.includes(name)).sort();
  if (wanted.length === 0) return [];
  return [
    advice(
      `Functions read ${wanted.join(", ")}: put them in a file on the server's machine, and name it in \`run\` as --env-file=<file>.`,
    ),
  ];
}

function ofTerraform(listing: Listing): Finding[] {
  const folders = new Set<string>();
  for (const path of listing.paths) {
    const match = /^(.*?environments)\/([^/]+)\/[^/]+\.tf$/.exec(path);
    if (match?.[2]) folders.add(match[2]);
  }
  const [first] = listing.paths.filter((path) => path.endsWith(".tf"));
  if (!first) return [];
  const where = folders.size > 0 ? ` with a folder for each of ${[...folders].join(", ")}` : "";
  return [found(`Terraform describes the infrastructure${where}. It stays as it is.`, first)];
}
