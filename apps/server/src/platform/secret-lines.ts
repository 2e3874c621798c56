import { readFile } from "node:fs/promises";

/** Hundreds of deliveries a second look at a secret: its file is read once a second. */
const KEPT_MS = 1_000;

/** The lines of a file, or of a variable where no file was named. */
export function secretLines(file: string | undefined, variable: string | undefined): () => Promise<readonly string[]> {
  const linesOf = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  if (file === undefined) return async () => linesOf(variable ?? "");
  let known: { readonly until: number; readonly lines: readonly string[] } | null = null;
  return async () => {
    if (known && known.until > performance.now()) return known.lines;
    const lines = linesOf(await readFile(file, "utf8").catch(() => ""));
    known = { until: performance.now() + KEPT_MS, lines };
    return lines;
  };
}
