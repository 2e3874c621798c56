import type { ChangedLines } from "./coverage.ts";

/** A file that a change touches. */
export interface ChangedFile {
  readonly path: string;
  /** Lines added and taken away together; a binary file has one. */
  readonly lines: number;
}
interface FileInDiff extends ChangedFile {
  lines: number;
  readonly added: Map<number, string>;
  readonly isGone: boolean;
}

/** Lines that a unified diff adds, by the new file's path. Works with and without context lines. */
export function readDiff(diff: string): ChangedLines {
  const files = read(diff).filter(({ added, isGone }) => !isGone && added.size > 0);
  return new Map(files.map(({ path, added }) => [path, new Set(added.keys())]));
}

/** Lines that a unified diff adds, with their texts. */
export function addedLines(diff: string): readonly { readonly path: string; readonly lines: readonly AddedLine[] }[] {
  return read(diff)
    .filter(({ isGone }) => !isGone)
    .map(({ path, added }) => ({ path, lines: [...added].map(([line, text]) => ({ line, text })) }));
}
export interface AddedLine {
  readonly line: number;
  readonly text: string;
}

/** The files that a unified diff of git touches, added and deleted ones too. */
export const changedFiles = (diff: string): readonly ChangedFile[] =>
  read(diff).map(({ path, lines }) => ({ path, lines }));

/** Source: GNU diffutils manual, "Detailed Description of Unified Format"; git-diff manual, "Generating patch text with -p". */
function read(diff: string): FileInDiff[] {
  const files: FileInDiff[] = [];
  let old: string | null = null;
  let next = 0;
  let left = { old: 0, new: 0 };
  const begin = (path: string, isGone = false) => {
    if (files.at(-1)?.path === path && files.at(-1)?.lines === 0) files.pop();
    files.push({ path, lines: 0, added: new Map(), isGone });
  };
  for (const line of diff.split("\n")) {
    const file = files.at(-1);
    const isInHunk = left.old > 0 || left.new > 0;
    if (isInHunk && line.startsWith("+") && left.new > 0) {
      file?.added.set(next, line.slice(1));
      if (file) file.lines += 1;
      next += 1;
      left.new -= 1;
    } else if (isInHunk && line.startsWith("-") && left.old > 0) {
      if (file) file.lines += 1;
      left.old -= 1;
    } else if (isInHunk && line.startsWith(" ")) {
      next += 1;
      left = { old: left.old - 1, new: left.new - 1 };
    } else if (line.startsWith("diff --git ")) {
      // Renames are told as a file that goes and one that comes: both names are the same.
      const names = line.slice("diff --git ".length);
      begin(pathOf(names.slice(0, (names.length - 1) / 2)) ?? "");
      left = { old: 0, new: 0 };
    } else if (!isInHunk && line.startsWith("--- ")) old = pathOf(line.slice(4));
    else if (!isInHunk && line.startsWith("+++ "))
      begin(pathOf(line.slice(4)) ?? old ?? "", pathOf(line.slice(4)) === null);
    else if (/^Binary files .* differ$/.test(line) && file) file.lines = 1;
    else {
      const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
      if (!hunk) continue;
      next = Number(hunk[2]);
      left = { old: Number(hunk[1] ?? 1), new: Number(hunk[3] ?? 1) };
    }
  }
  return files;
}

/** Git puts `a/` and `b/` before paths, and quotes one with unusual characters; /dev/null is a file that is not there. */
function pathOf(written: string): string | null {
  const bare = written.split("\t")[0] ?? "";
  const name = bare.startsWith('"') ? bare.slice(1, -1) : bare;
  if (name === "/dev/null") return null;
  return /^[ab]\//.test(name) ? name.slice(2) : name;
}
