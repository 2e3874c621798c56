import { lstat, readdir, readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { ReportFile, ReportMark, Reports } from "@latchkey/core/delivery/gates/evidence-ports";
import { globToRegExp } from "@latchkey/core/delivery/gates/size";
import { err, ok, type Result } from "@latchkey/core/shared/result";

/** One report a package, in a repository with many. */
const FILES_MAX = 500;
/** All reports of a gate: lcov of a million lines has about 15 MB. */
const BYTES_MAX = 50e6;
/** What is looked through for a pattern. */
const ENTRIES_MAX = 200_000;
const PASSED_OVER = new Set(["node_modules", ".git", ".latchkey"]);

/** Reports in folders of this machine. Links are not followed: a report is what the gate's command wrote, there. */
export const reportFiles: Reports = { mark, writtenSince };

async function mark(folder: string, pattern: string): Promise<ReportMark> {
  const found = new Map<string, string>();
  for (const path of await matches(folder, pattern)) {
    const seen = await stampOf(join(folder, path));
    if (seen) found.set(path, seen.stamp);
  }
  return found;
}

async function writtenSince(
  folder: string,
  pattern: string,
  before: ReportMark,
): Promise<Result<readonly ReportFile[], string>> {
  const files: ReportFile[] = [];
  let bytes = 0;
  for (const path of await matches(folder, pattern)) {
    const seen = await stampOf(join(folder, path));
    if (!seen || before.get(path) === seen.stamp) continue;
    bytes += seen.size;
    if (bytes > BYTES_MAX) return err(`The reports have more than ${BYTES_MAX / 1e6} MB, the most that is read.`);
    if (files.length >= FILES_MAX) return err(`There are more than ${FILES_MAX} reports, the most that is read.`);
    files.push({ path, bytes: await readFile(join(folder, path)) });
  }
  return ok(files);
}

/** Changes with every writing, whatever the clock says and whatever times a tool sets. */
async function stampOf(path: string): Promise<{ stamp: string; size: number } | null> {
  try {
    const { ino, size, ctimeNs, mtimeNs, isFile } = await lstat(path, { bigint: true }).then((s) => ({
      ...{ ino: s.ino, size: s.size, ctimeNs: s.ctimeNs, mtimeNs: s.mtimeNs },
      isFile: s.isFile(),
    }));
    return isFile ? { stamp: `${ino} ${size} ${mtimeNs} ${ctimeNs}`, size: Number(size) } : null;
  } catch {
    return null;
  }
}

/** Paths that match, sorted; a pattern that leads out of the folder matches nothing. */
async function matches(folder: string, pattern: string): Promise<string[]> {
  const parts = pattern.replace(/^\.\//, "").split("/");
  if (isAbsolute(pattern) || parts.includes("..")) return [];
  const fixed = parts.findIndex((part) => /[*?]/.test(part));
  if (fixed === -1) return [parts.join("/")];
  const wanted = globToRegExp(parts.join("/"));
  const found: string[] = [];
  let entries = 0;
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])) {
      entries += 1;
      if (entries > ENTRIES_MAX) return;
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!PASSED_OVER.has(entry.name)) await walk(path);
      } else if (entry.isFile() && wanted.test(path)) found.push(path);
    }
  };
  await walk(parts.slice(0, fixed).join("/"));
  return found.sort();
}
