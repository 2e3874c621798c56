import { advice, type Finding, found } from "./findings.ts";
import type { Listing } from "./listing.ts";

export type PackageManager = "npm" | "pnpm" | "yarn" | "bun";

/** What package.json and the lockfiles say. */
export interface Project {
  readonly name: string | null;
  readonly description: string | null;
  readonly frameworks: readonly string[];
  readonly packageManager: PackageManager;
  readonly nodeVersion: string | null;
  readonly hasTests: boolean;
  /** Its test script runs Vitest, whose reports can be asked for. */
  readonly hasVitest: boolean;
  /** What Vitest measures coverage with is installed. */
  readonly hasCoverage: boolean;
  readonly hasBuild: boolean;
  /** Null when there is no package.json, or none that can be read. */
  readonly findings: readonly Finding[];
}

const LOCKFILES: readonly (readonly [string, PackageManager])[] = [
  ["package-lock.json", "npm"],
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lockb", "bun"],
  ["bun.lock", "bun"],
];
/** Looked for among the dependencies, the more telling first. */
const FRAMEWORKS: readonly (readonly [string, string])[] = [
  ["next", "Next.js"],
  ["nuxt", "Nuxt"],
  ["@sveltejs/kit", "SvelteKit"],
  ["astro", "Astro"],
  ["@remix-run/react", "Remix"],
  ["react", "React"],
  ["vue", "Vue"],
  ["svelte", "Svelte"],
  ["vite", "Vite"],
];
/** What `npm init` writes: it fails whatever is tested. */
const NO_TESTS = /no test specified/;

interface Manifest {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: unknown };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** `base`: the folder that the site is built in, "" for the repository's own; lockfiles may be above it. */
export function readProject(listing: Listing, base = ""): Project {
  const findings: Finding[] = [];
  const file = base === "" ? "package.json" : `${base}/package.json`;
  const manifest = manifestIn(file, listing, findings);
  const has = (name: string) => listing.paths.includes(name) || listing.paths.includes(`${base}/${name}`);
  const locks = LOCKFILES.filter(([name]) => has(name));
  const [lock, second] = locks;
  if (lock && second)
    findings.push(advice(`There are ${lock[0]} and ${second[0]}: ${lock[1]} is taken. Keep one of them.`, second[0]));
  const all = { ...manifest.devDependencies, ...manifest.dependencies };
  const frameworks = FRAMEWORKS.filter(([name]) => Object.hasOwn(all, name)).map(([, words]) => words);
  if (frameworks.length > 0) findings.push(found(`It is made with ${frameworks.join(" and ")}.`, file));
  if (Object.hasOwn(all, "@supabase/supabase-js"))
    findings.push(
      found("Its data is in Supabase, through supabase-js.", file, lineWith(listing, file, "@supabase/supabase-js")),
    );
  const node = typeof manifest.engines?.node === "string" ? manifest.engines.node : null;
  if (node) findings.push(found(`It asks for Node ${node}.`, file, lineWith(listing, file, '"engines"')));
  const test: unknown = manifest.scripts?.test;
  const hasTests = typeof test === "string" && !NO_TESTS.test(test);
  if (!hasTests)
    findings.push(advice("It has no test script: no gate checks its releases. Add one, and a gate for it.", file));
  return {
    name: typeof manifest.name === "string" ? manifest.name : null,
    description: typeof manifest.description === "string" ? manifest.description : null,
    frameworks,
    packageManager: lock?.[1] ?? "npm",
    nodeVersion: node,
    hasTests,
    hasVitest: hasTests && /\bvitest\b/.test(test) && Object.hasOwn(all, "vitest"),
    hasCoverage: Object.hasOwn(all, "@vitest/coverage-v8") || Object.hasOwn(all, "@vitest/coverage-istanbul"),
    hasBuild: manifest.scripts?.build !== undefined,
    findings,
  };
}

function manifestIn(file: string, listing: Listing, findings: Finding[]): Manifest {
  const text = listing.text(file);
  if (text === null) {
    findings.push({
      kind: "unreadable",
      file,
      line: null,
      words: "There is none that can be read here.",
    });
    return {};
  }
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null ? (read as Manifest) : {};
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const at = /position (\d+)/.exec(why)?.[1];
    const line = at === undefined ? 1 : text.slice(0, Number(at)).split("\n").length;
    findings.push({
      kind: "unreadable",
      file,
      line,
      words: `It is no valid JSON: ${why}. It was left alone.`,
    });
    return {};
  }
}

/** The first line of a file that contains a text; null when none does. */
export function lineWith(listing: Listing, file: string, part: string): number | null {
  const at = (listing.text(file) ?? "").split("\n").findIndex((line) => line.includes(part));
  return at === -1 ? null : at + 1;
}
