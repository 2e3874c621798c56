import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Listing } from "./listing.ts";

/** What no adoption looks into: made by tools, or somebody else's. */
const SKIPPED = new Set([
  ".git",
  "node_modules",
  "dist",
  "build",
  "out",
  "coverage",
  ".netlify",
  ".latchkey",
  ".terraform",
  ".next",
  ".cache",
]);
/** More files than this is no repository of one site; the rest is not looked at. */
export const FILES_MAX = 20_000;
const TEXT_MAX_BYTES = 1024 * 1024;

/** Lists a repository's files, or those below one of its folders. Links are not followed. Texts are read when they are asked for. */
export function readListing(root: string, under = ""): Listing {
  const paths: string[] = [];
  const walk = (dir: string): void => {
    for (const entry of entriesOf(join(root, dir))) {
      if (paths.length >= FILES_MAX) return;
      const path = dir === "" ? entry.name : `${dir}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) walk(path);
      } else if (entry.isFile()) paths.push(path);
    }
  };
  walk(under.replace(/^\.\/|\/+$/g, ""));
  const known = new Set(paths);
  const read = new Map<string, string | null>();
  const text = (path: string): string | null => {
    if (!known.has(path)) return null;
    const before = read.get(path);
    if (before !== undefined) return before;
    const file = join(root, path);
    const content = statSync(file).size > TEXT_MAX_BYTES ? null : readFileSync(file, "utf8");
    const kept = content?.includes("\0") ? null : content;
    read.set(path, kept);
    return kept;
  };
  return { paths, text };
}

function entriesOf(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}
