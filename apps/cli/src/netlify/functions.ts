import type { Listing } from "../adoption/listing.ts";

export type ModuleKind = "CommonJS" | "ESM" | "TypeScript";

export interface FoundFunction {
  readonly name: string;
  readonly file: string;
  readonly kind: ModuleKind;
  /** Files of the same name that are not deployed, as this one goes before them. */
  readonly twins: readonly string[];
  readonly isBackground: boolean;
}

/** JavaScript goes before TypeScript of the same name, and a file before a folder. */
const ORDER = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"] as const;
const SOURCE = /\.[mc]?[jt]s$/;

/** The functions in a folder: files at its top, and folders with an index or a file of their own name. */
export function findFunctions(listing: Listing, dir: string): FoundFunction[] {
  const below = `${dir.replace(/^\.?\/+|\/+$/g, "")}/`;
  const candidates = new Map<string, string[]>();
  for (const file of listing.paths) {
    const name = file.startsWith(below) ? nameOf(file.slice(below.length)) : null;
    if (name) candidates.set(name, [...(candidates.get(name) ?? []), file]);
  }
  return [...candidates]
    .map(([name, files]) => {
      const [file = "", ...twins] = [...files].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
      return { name, file, twins, kind: kindOf(file, listing), isBackground: name.endsWith("-background") };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function nameOf(path: string): string | null {
  if (!SOURCE.test(path) || /\.d\.[mc]?ts$/.test(path) || /\.(test|spec)\.[mc]?[jt]s$/.test(path)) return null;
  const parts = path.split("/");
  const base = (parts.at(-1) ?? "").replace(SOURCE, "");
  if (parts.length === 1) return base;
  const [folder = ""] = parts;
  return parts.length === 2 && (base === "index" || base === folder) ? folder : null;
}

const extensionOf = (file: string): string => SOURCE.exec(file)?.[0] ?? "";
const rank = (file: string): number =>
  ORDER.indexOf(extensionOf(file) as (typeof ORDER)[number]) + file.split("/").length * 10;

function kindOf(file: string, listing: Listing): ModuleKind {
  const extension = extensionOf(file);
  if (extension.endsWith("ts")) return "TypeScript";
  if (extension === ".cjs") return "CommonJS";
  if (extension === ".mjs") return "ESM";
  // What it says counts for more than package.json's type: Netlify bundles either.
  return /^\s*(import\b[^(]|export\b)/m.test(listing.text(file) ?? "") ? "ESM" : "CommonJS";
}
