import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Flag } from "@latchkey/core/flags/model";
import type { FoundUses, Place, SourceFile } from "@latchkey/core/flags/references";
import type { Command } from "commander";
import { readListing } from "../adoption/reading.ts";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { type Style, styleFor, table } from "../text.ts";
import { type FlagsFrom, readFlagsFrom } from "./flag-code.ts";

interface RefsOptions extends FlagsFrom {
  readonly root: string;
  readonly check?: boolean;
}
const TEXT_MAX_BYTES = 1024 * 1024;
const FILE_LIST_MAX_BYTES = 64 * 1024 * 1024;

/** `latchkey flags refs`: where code names flags, which nobody names, and which names are no flags. */
export function addFlagRefs(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<RefsOptions>(group, terminal, outcome, {
    usage: "refs [flag]",
    about: "find where code uses flags, flags that no code names, and names that are no flags",
    more: "Looks for the names that codegen made and for keys in quotes, in files that git does not ignore. With --check it exits with 1 when code names a flag that is archived, past its expiry date, or not there.",
    options: (command) =>
      command
        .option("--root <folder>", "where the code is", ".")
        .option("--folder <folder>", "read flags as files, such as flags/, instead of the server's")
        .option("--check", "exit with 1 when code names what should be gone"),
    examples: [
      ["latchkey flags refs", "all flags"],
      ["latchkey flags refs new-lead-form", "every place of one"],
      ["latchkey flags refs --check", "in CI"],
    ],
    run: refs,
  });
}

async function refs(call: Call<RefsOptions>): Promise<number> {
  const { terminal, options, args } = call;
  const { flags } = await readFlagsFrom(call);
  const { flagFinder } = await import("@latchkey/core/flags/references");
  const root = resolve(terminal.cwd, options.root);
  const keys = (archived: boolean) => flags.filter((flag) => flag.isArchived === archived).map((flag) => flag.key);
  const found = flagFinder(keys(false), keys(true))(await sourcesIn(root));
  const today = new Date(terminal.now()).toISOString().slice(0, 10);
  const [only] = args;
  if (only !== undefined && !flags.some((flag) => flag.key === only))
    throw wrongUse(`There is no flag "${only}".`, "latchkey flags lists them.");
  const shown = flags
    .filter((flag) => (only === undefined ? true : flag.key === only))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map((flag) => ({ flag, places: found.uses.filter((use) => use.flag === flag.key), ...standing(flag, today) }));
  const named = shown.filter(({ places, isGone }) => places.length > 0 || !isGone);
  if (options.json)
    terminal.out(
      `${JSON.stringify({
        flags: named.map(({ flag, places, words }) => ({ flag: flag.key, standing: words, places })),
        unknown: found.unknown,
      })}\n`,
    );
  else terminal.out(wordsOf(named, found, { style: styleFor(terminal), isAll: only === undefined }));
  const isBad = named.some(({ places, isGone }) => isGone && places.length > 0) || found.unknown.length > 0;
  return options.check && isBad ? EXIT.error : EXIT.done;
}

interface Shown {
  readonly flag: Flag;
  readonly places: readonly Place[];
  readonly words: string;
  readonly isGone: boolean;
}
/** Whether code should name it no more. */
function standing(flag: Flag, today: string): Pick<Shown, "words" | "isGone"> {
  if (flag.isArchived) return { words: "archived", isGone: true };
  if (flag.expires !== undefined && flag.expires < today) return { words: `expired on ${flag.expires}`, isGone: true };
  return { words: flag.expires ? `until ${flag.expires}` : "", isGone: false };
}

const SHOWN_MAX = 3;
const placeWords = ({ path, line }: Place): string => `${path}:${line}`;
function wordsOf(
  shown: readonly Shown[],
  found: FoundUses,
  o: { readonly style: Style; readonly isAll: boolean },
): string {
  const { style } = o;
  if (!o.isAll) return `${shown[0]?.places.map(placeWords).join("\n") || "No code names it."}\n`;
  const rows = shown
    .filter(({ places }) => places.length > 0)
    .map(({ flag, places, words, isGone }) => {
      const rest = places.length > SHOWN_MAX ? `, and ${places.length - SHOWN_MAX} more` : "";
      const where = places.slice(0, SHOWN_MAX).map(placeWords).join(", ") + rest;
      return [flag.key, String(places.length), isGone ? style.warn(words) : words || "-", where];
    });
  const unnamed = shown.filter(({ places }) => places.length === 0).map(({ flag }) => flag.key);
  const parts = [
    rows.length > 0 ? table(["flag", "uses", "standing", "where"], rows, style) : "No code names a flag.",
    ...(unnamed.length > 0 ? [`No code names: ${unnamed.join(", ")}.`] : []),
    ...(found.unknown.length > 0
      ? [
          `Named in code, and no flags:\n${found.unknown.map((one) => `  ${placeWords(one)}  ${style.warn(one.name)}`).join("\n")}`,
        ]
      : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Files of code below a folder: those that git knows or would, else all but what tools make. */
async function sourcesIn(root: string): Promise<Iterable<SourceFile>> {
  const { isCode } = await import("@latchkey/core/flags/references");
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    ...{ cwd: root, encoding: "utf8", maxBuffer: FILE_LIST_MAX_BYTES },
  });
  const paths = listed.status === 0 ? listed.stdout.split("\0").filter(Boolean) : readListing(root).paths;
  return (function* () {
    for (const path of new Set(paths)) {
      const text = isCode(path) ? textOf(join(root, path)) : null;
      if (text !== null)
        yield { path, isWhole: true, lines: text.split("\n").map((line, i) => ({ line: i + 1, text: line })) };
    }
  })();
}
/** Null for what is gone, is no file, or is too large to be written by somebody. */
function textOf(file: string): string | null {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.size <= TEXT_MAX_BYTES ? readFileSync(file, "utf8") : null;
  } catch {
    return null;
  }
}
