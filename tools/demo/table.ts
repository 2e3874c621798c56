import type { Outcome } from "./rehearsal.ts";

const NAMES: Readonly<Record<Outcome["outcome"], string>> = {
  promoted: "promoted",
  rolled_back: "rolled back",
  stopped_before_traffic: "stopped before traffic",
  held: "held",
  not_built: "not built",
};

/** Breaks words into lines of at most `width` characters. */
export function wrap(words: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

const WHY_WIDTH = 62;

/** The outcome of a demo for people, one block of lines per release. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const head = ["release", "what happened", "seconds", "canary", "touched", "why"];
  const rows = outcomes.flatMap((o) => {
    const [first = "", ...more] = wrap(o.why, WHY_WIDTH);
    const name = `${o.release ?? "-"} ${o.fault === "none" ? "healthy" : o.fault}`;
    const seconds = o.secondsToVerdict === null ? "-" : o.secondsToVerdict.toFixed(1);
    const happened = `${NAMES[o.outcome]}${o.right ? "" : " (WRONG)"}`;
    const row = [name, happened, seconds, String(o.canaryRequests), `${o.usersTouched} of ${o.usersOnCanary}`, first];
    return [row, ...more.map((line) => ["", "", "", "", "", line])];
  });
  return columns([head, ...rows], new Set([2, 3, 4]));
}

/** Lines of aligned columns; those of `right` stand to the right. */
export function columns(all: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const widths = (all[0] ?? []).map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => (right.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export const LEGEND = `seconds: from the canary's first answer to the decision. canary: requests that the judge had counted by then.
touched: visitors who saw an error or a broken page, of those who met the release; counted on the visitors' side.`;
