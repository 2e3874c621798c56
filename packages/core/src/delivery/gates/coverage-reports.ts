import { err, ok, type Result } from "../../shared/result.ts";
import type { CoverageEvidence } from "./coverage.ts";
import { isObject, numberOf, objectOf } from "./unknown-json.ts";
import { childrenOf, descendantsOf, type XmlElement } from "./xml-element.ts";

type Files = Map<string, Map<number, number>>;

/** The same line may be listed more than once, by class and method or by several runs: it ran when any of them says so. */
function see(files: Files, path: string, line: number, hits: number): void {
  const lines = files.get(path) ?? new Map<number, number>();
  lines.set(line, Math.max(hits, lines.get(line) ?? 0));
  files.set(path, lines);
}

/** lcov's trace file (geninfo(1)): `SF:` begins a file, `DA:<line>,<hits>` is a line. */
export function readLcov(text: string): Result<CoverageEvidence, string> {
  const files: Files = new Map();
  let path: string | null = null;
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.trimEnd();
    if (line.startsWith("SF:")) {
      path = line.slice(3).replaceAll("\\", "/");
      files.set(path, files.get(path) ?? new Map());
    } else if (line === "end_of_record") path = null;
    else if (line.startsWith("DA:")) {
      const [number, hits] = line.slice(3).split(",").map(numberOf);
      if (path === null) return err(`line ${at + 1} counts a line before any file is named (SF:).`);
      if (!Number.isInteger(number) || hits == null || hits < 0)
        return err(`line ${at + 1} is no DA:<line>,<hits>: "${line.slice(0, 60)}".`);
      see(files, path, number as number, hits);
    }
  }
  return files.size > 0 ? ok({ kind: "lines", files }) : err("is no lcov report: it names no file (SF:).");
}

/** Cobertura's XML: `class` has a filename below one of the `source` folders, and lines with their hits. */
export function readCobertura(root: XmlElement): Result<CoverageEvidence, string> {
  if (root.name !== "coverage") return err(`is no Cobertura report: its root is <${root.name}>, not <coverage>.`);
  const files: Files = new Map();
  for (const one of descendantsOf(root, "class")) {
    const path = (one.attributes.filename ?? "").replaceAll("\\", "/");
    if (path === "") return err("has a class without a filename.");
    files.set(path, files.get(path) ?? new Map());
    // Lines of methods are listed for the class as well, where a tool keeps to the schema.
    const own = childrenOf(one, "lines").flatMap((lines) => childrenOf(lines, "line"));
    for (const line of own.length > 0 ? own : descendantsOf(one, "line")) {
      const number = numberOf(line.attributes.number);
      const hits = numberOf(line.attributes.hits);
      if (number === null || hits === null) return err(`has a line of ${path} without number or hits.`);
      see(files, path, number, hits);
    }
  }
  return ok({ kind: "lines", files });
}

/** Istanbul's `coverage-summary.json`: counts alone. */
export function readIstanbulSummary(report: unknown): Result<CoverageEvidence, string> {
  const lines = objectOf(objectOf(objectOf(report).total).lines);
  const total = numberOf(lines.total);
  const covered = numberOf(lines.covered);
  if (!isObject(report) || total === null || covered === null)
    return err("is no coverage summary of Istanbul: it has no total.lines with total and covered.");
  if (covered > total || covered < 0) return err(`says that ${covered} of ${total} lines are covered.`);
  return ok({ kind: "summary", lines: total, hit: covered });
}
