import { err, ok, type Result } from "../../shared/result.ts";
import type { ImportProblem } from "./fact.ts";

export interface CsvCell {
  readonly text: string;
  /** From 1, of the file; a cell may hold line ends of its own. */
  readonly line: number;
}
export type CsvRow = readonly CsvCell[];

export const cellPlace = (line: number, column: number, name?: string): string =>
  `line ${line}, column ${column}${name === undefined ? "" : ` (${name})`}`;

/**
 * The rows of a CSV file by RFC 4180: commas, quotes around what holds commas, quotes or line ends, a quote in quotes
 * doubled. Either kind of line end is taken, and a mark of UTF-8 before it all. Lines with nothing on them are left out.
 */
export function csvRows(text: string): Result<readonly CsvRow[], readonly ImportProblem[]> {
  const rows: CsvRow[] = [];
  let row: CsvCell[] = [];
  let line = 1;
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  const wrong = (words: string) => err([{ place: cellPlace(line, row.length + 1), words }]);
  const endRow = () => {
    if (row.length > 1 || row[0]?.text !== "") rows.push(row);
    row = [];
  };
  while (at < text.length) {
    const begun = line;
    let cell: string;
    if (text[at] === '"') {
      const end = closingQuote(text, at);
      if (end === -1) return wrong("the quote that begins here has no end: double a quote that is meant as one");
      const quoted = text.slice(at + 1, end);
      cell = quoted.replaceAll('""', '"');
      at = end + 1;
      if (at < text.length && !/[,\r\n]/.test(text[at] ?? ""))
        return wrong("text follows the quote's end: put all of it in quotes");
      line += quoted.split("\n").length - 1;
    } else {
      const end = nextOf(text, at);
      cell = text.slice(at, end);
      if (cell.includes('"')) return wrong("a quote stands within: put the whole cell in quotes, and double this one");
      at = end;
    }
    row.push({ text: cell, line: begun });
    if (text[at] === ",") {
      at += 1;
      if (at < text.length) continue;
      row.push({ text: "", line });
    }
    at += text.startsWith("\r\n", at) ? 2 : 1;
    line += 1;
    endRow();
  }
  return ok(rows);
}

/** Where the quote ends that begins at `from`; -1 when it does not. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at;
  return -1;
}
function nextOf(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "," && text[at] !== "\n" && text[at] !== "\r") at += 1;
  return at;
}
