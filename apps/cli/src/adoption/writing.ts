import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { CliError } from "../problem.ts";
import type { NewFile } from "./files.ts";

/** What was written, so that exactly that can be taken back. It is committed with the rest: anybody may undo. */
export const MANIFEST_FILE = ".latchkey-adoption.json";

const Manifest = z.strictObject({
  version: z.literal(1),
  files: z.array(z.strictObject({ path: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
  /** Folders that were not there before. */
  folders: z.array(z.string().min(1)),
});
type Manifest = z.infer<typeof Manifest>;

const digestOf = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** Adds files to a repository. The manifest goes first, so that what a crash leaves half-way can be taken back. Throws when one is there. */
export function addFiles(root: string, files: readonly NewFile[]): void {
  const before = readManifest(root) ?? { version: 1, files: [], folders: [] };
  const taken = files.filter(({ path }) => existsSync(join(root, path)));
  if (taken.length > 0)
    throw failed(
      `${taken.map((f) => f.path).join(" and ")} came into being meanwhile.`,
      "Run it again to see what is left to do.",
    );
  for (const { path } of files) assertInside(root, path);
  const folders = [...new Set(files.flatMap(({ path }) => missingFolders(root, path)))];
  const names = new Set(files.map((f) => f.path));
  writeManifest(root, {
    version: 1,
    files: [
      ...before.files.filter((f) => !names.has(f.path)),
      ...files.map(({ path, text }) => ({ path, sha256: digestOf(text) })),
    ],
    folders: [...new Set([...before.folders, ...folders])],
  });
  for (const { path, text } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    // `wx`: never over a file that is there.
    writeFileSync(join(root, path), text, { flag: "wx" });
  }
}

export interface Undone {
  readonly removed: readonly string[];
  /** Changed since they were written: they stay, and so does their line in the manifest. */
  readonly changed: readonly string[];
}

/** Takes back what `addFiles` wrote. A file that somebody has changed since stays, and is named. */
export function undoFiles(root: string): Undone {
  const manifest = readManifest(root);
  if (!manifest)
    throw failed(`Nothing was adopted in ${root}: there is no ${MANIFEST_FILE}.`, "Give the folder that was adopted.");
  const removed: string[] = [];
  const changed: string[] = [];
  for (const { path, sha256 } of manifest.files) {
    const file = inside(root, path);
    if (!existsSync(file)) continue;
    if (digestOf(readFileSync(file)) !== sha256) {
      changed.push(path);
      continue;
    }
    rmSync(file);
    removed.push(path);
  }
  // The deepest first; one that holds something else by now stays.
  const folders = [...manifest.folders].sort((a, b) => b.length - a.length);
  const left = folders.filter((folder) => !removeEmpty(inside(root, folder)));
  if (changed.length === 0) rmSync(join(root, MANIFEST_FILE));
  else
    writeManifest(root, { version: 1, files: manifest.files.filter((f) => changed.includes(f.path)), folders: left });
  return { removed, changed };
}

/** A manifest is a file that anybody may have changed: it must not lead out of the repository. */
function inside(root: string, path: string): string {
  const file = resolve(root, path);
  const way = relative(resolve(root), file);
  if (way === "" || way === ".." || way.startsWith(`..${sep}`))
    throw failed(`${MANIFEST_FILE} names ${path}, which is not in this folder.`, "Mend it, or delete it.");
  return file;
}

/** A folder may be a link to another place: nothing is written there. */
function assertInside(root: string, path: string): void {
  let dir = dirname(join(root, path));
  while (!existsSync(dir)) dir = dirname(dir);
  const way = relative(realpathSync(root), realpathSync(dir));
  if (way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw failed(
      `${path} would be written outside of this folder, through a link.`,
      "Make it a folder, or add the file by hand.",
    );
}

function removeEmpty(dir: string): boolean {
  if (!existsSync(dir)) return true;
  if (readdirSync(dir).length > 0) return false;
  rmdirSync(dir);
  return true;
}

function missingFolders(root: string, path: string): string[] {
  const missing: string[] = [];
  for (let dir = dirname(path); dir !== "." && !existsSync(join(root, dir)); dir = dirname(dir)) missing.push(dir);
  return missing;
}

function readManifest(root: string): Manifest | null {
  const file = join(root, MANIFEST_FILE);
  if (!existsSync(file)) return null;
  try {
    return Manifest.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw failed(
      `${MANIFEST_FILE} can't be read.`,
      "Take it from the repository's history (git checkout), or delete it.",
    );
  }
}

function writeManifest(root: string, manifest: Manifest): void {
  writeFileSync(join(root, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

const failed = (detail: string, remedy: string) =>
  new CliError({ code: "LK_CLI_ADOPT", title: "It was not adopted", detail, remedy });
