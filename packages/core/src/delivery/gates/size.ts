import { couldNotRun, type GateFigure, type GateJudgement, judgeFigures } from "./judgement.ts";

export interface SizedFile {
  /** From the release's root, with slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Compressed as a browser gets it; null where nobody has asked for it. */
  readonly gzipBytes: number | null;
}
export interface SizeLimit {
  /** A pattern of paths: `*` within a folder, `**` across folders. */
  readonly files: string;
  readonly maximumBytes: number;
  readonly measure: "raw" | "gzip";
}

/** A glob of `*`, `**` and `?`, as a whole-path expression; everything else stands for itself. */
export function globToRegExp(glob: string): RegExp {
  const source = glob.replaceAll(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    return `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

/** "312.4 kB", of 1,000 bytes each. */
export const bytesAsText = (bytes: number): string =>
  bytes < 1_000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;

/** Passes when the files of each limit are together no larger than it. A limit without a file measures nothing: could not run. */
export function judgeSize(files: readonly SizedFile[], limits: readonly SizeLimit[]): GateJudgement {
  const figures: GateFigure[] = [];
  const why: string[] = [];
  const details: string[] = [];
  for (const { files: glob, maximumBytes, measure } of limits) {
    const pattern = globToRegExp(glob);
    const own = files.filter(({ path }) => pattern.test(path));
    if (own.length === 0) return couldNotRun(`No file of the release matches ${glob}: nothing was measured.`);
    const bytesOf = (file: SizedFile): number | null => (measure === "gzip" ? file.gzipBytes : file.sizeBytes);
    const sizes = own.map(bytesOf);
    if (sizes.includes(null)) return couldNotRun(`The compressed size of ${glob} is not known.`);
    const value = sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
    const holds = value <= maximumBytes;
    figures.push({
      name: `${glob}${measure === "gzip" ? " (gzip)" : ""}`,
      value,
      unit: "bytes",
      limit: maximumBytes,
      holds,
    });
    if (!holds)
      why.push(
        `${glob} has ${bytesAsText(value)}${measure === "gzip" ? " compressed" : ""}; ${bytesAsText(maximumBytes)} may be.`,
      );
    details.push(
      ...own
        .map((file) => ({ path: file.path, bytes: bytesOf(file) ?? 0 }))
        .sort((a, b) => b.bytes - a.bytes)
        .map(({ path, bytes }) => `${path}: ${bytesAsText(bytes)}`),
    );
  }
  const words = figures.map(({ name, value }) => `${name} ${bytesAsText(value)}`).join(", ");
  return judgeFigures(figures, `Within its limits: ${words}.`, why, details);
}
