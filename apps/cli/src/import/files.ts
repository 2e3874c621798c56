import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { type ImportProblem, problemLine } from "@latchkey/core/insights/import/fact";
import { CliError } from "../problem.ts";

export const unreadable = (detail: string, remedy: string): CliError =>
  new CliError({ code: "LK_CLI_FILE", title: "The file can't be read", detail, remedy });

export function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const isGone = (error as { code?: string }).code === "ENOENT";
    throw unreadable(
      isGone ? `There is no file ${file}.` : `${file}: ${error instanceof Error ? error.message : String(error)}`,
      "Mend the path.",
    );
  }
}

/** JSON with the place that mistakes in it are told by. */
export interface Placed {
  readonly place: string;
  readonly body: unknown;
}

export function jsonOf(text: string, place: string): Placed {
  try {
    return { place, body: JSON.parse(text) as unknown };
  } catch (error) {
    throw unreadable(`${place} is no JSON: ${error instanceof Error ? error.message : ""}.`, "Nothing was taken in.");
  }
}

/** Every *.json of a folder and those below it, or one file. */
export function jsonFiles(path: string): readonly Placed[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw unreadable(`There is no folder ${path}.`, "Mend the path.");
  if (stat.isFile()) return [jsonOf(textOf(path), path)];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  if (names.length === 0)
    throw unreadable(
      `There is no *.json in ${path}.`,
      "Save the API's pages there, as they are: gh api --paginate ... > pulls.json",
    );
  return names.sort().map((name) => jsonOf(textOf(join(path, name)), relative(path, join(path, name))));
}

/** One JSON a line; empty lines are left out. */
export const jsonLines = (file: string): readonly Placed[] =>
  textOf(file)
    .split("\n")
    .map((text, i) => ({ text: text.trim(), place: `line ${i + 1}` }))
    .filter(({ text }) => text !== "")
    .map(({ text, place }) => jsonOf(text, place));

const SHOWN_MAX = 20;
/** What is wrong with what was to be taken in, of which nothing is. */
export function refused(file: string, problems: readonly ImportProblem[]): CliError {
  const lines = problems.slice(0, SHOWN_MAX).map((problem) => `  ${problemLine(problem)}`);
  const more = problems.length > SHOWN_MAX ? [`  and ${problems.length - SHOWN_MAX} more`] : [];
  return new CliError({
    ...{ code: "LK_CLI_IMPORT", title: "The file has mistakes" },
    detail: [
      `${file} has ${problems.length === 1 ? "a mistake" : `${problems.length} mistakes`}:`,
      ...lines,
      ...more,
    ].join("\n"),
    remedy: "Nothing was taken in. Mend it and run this again.",
  });
}
