import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where Netlify looks for Edge Functions when netlify.toml does not say (build.edge_functions), from the site's base folder. */
export const EDGE_FOLDER = "netlify/edge-functions";
export const EDGE_NAME = "latchkey-split.ts";
const SOURCE = join("packages", "netlify-runtime", "src", "edge", EDGE_NAME);

/** The function that splits a site's traffic, as Netlify builds it: it stands beside this package, built or not. Null where it is not. */
export function edgeFunction(): string | null {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir))
    if (existsSync(join(dir, SOURCE))) return readFileSync(join(dir, SOURCE), "utf8");
  return null;
}
