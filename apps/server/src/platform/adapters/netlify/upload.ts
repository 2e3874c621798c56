import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { strToU8, zipSync } from "fflate";
import { z } from "zod";

/** Netlify takes more; a site of more files than this is most likely a folder that was not meant to be published. */
const FILES_MAX = 25_000;
/** The same function is the same archive, byte for byte: its digest decides whether it is uploaded. */
const ARCHIVED_AT = "2000-01-01T00:00:00Z";

/** What `latchkey build-netlify` left of netlify.toml (packages/netlify-runtime/src/site.ts). */
const Site = z.object({
  redirects: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      status: z.number(),
      force: z.boolean(),
      query: z.record(z.string(), z.string()),
    }),
  ),
  headers: z.array(z.object({ for: z.string(), values: z.record(z.string(), z.string()) })),
  functions: z.array(
    z.object({ name: z.string(), file: z.string(), isBackground: z.boolean(), hasConfig: z.boolean() }),
  ),
});
type Site = z.infer<typeof Site>;

export interface Upload {
  /** By path with its slash: how a file's SHA-1 is found again, and its bytes. */
  readonly files: Readonly<Record<string, string>>;
  readonly bytesOf: (path: string) => Uint8Array;
  /** By name: the SHA-256 of each archive. */
  readonly functions: Readonly<Record<string, string>>;
  readonly archives: Readonly<Record<string, Uint8Array>>;
}

/** A release's files and functions as Netlify takes them, or why it can't be uploaded. */
export function uploadOf(artifactDir: string): Result<Upload, string> {
  const site = readSite(artifactDir);
  if (!site.ok) return site;
  const root = join(artifactDir, "public");
  const paths = existsSync(root) ? filesBelow(root) : [];
  if (paths.length === 0) return err("The release publishes no file: its folder public/ is empty.");
  if (paths.length > FILES_MAX)
    return err(`The release publishes ${paths.length} files; at most ${FILES_MAX} are uploaded.`);
  // All rules are in site.json, in the order in which they hold: the published ones, and those of netlify.toml.
  const written = new Map([
    ["_redirects", strToU8(redirectsText(site.value))],
    ["_headers", strToU8(headersText(site.value))],
  ]);
  const bytesOf = (path: string): Uint8Array => written.get(path.slice(1)) ?? readFileSync(join(root, path.slice(1)));
  const files: Record<string, string> = {};
  for (const path of [...new Set([...paths, ...written.keys()])].sort())
    files[`/${path}`] = createHash("sha1")
      .update(bytesOf(`/${path}`))
      .digest("hex");
  const archives: Record<string, Uint8Array> = {};
  const functions: Record<string, string> = {};
  for (const fn of site.value.functions) {
    const archive = archiveOf(artifactDir, fn);
    if (!archive.ok) return archive;
    archives[fn.name] = archive.value;
    functions[fn.name] = createHash("sha256").update(archive.value).digest("hex");
  }
  return ok({ files, bytesOf, functions, archives });
}

function readSite(artifactDir: string): Result<Site, string> {
  const file = join(artifactDir, "site.json");
  if (!existsSync(file))
    return err("The release has no site.json: its build must be `latchkey build-netlify`, or mode must be git.");
  try {
    const parsed = Site.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (parsed.success) return ok(parsed.data);
    return err(
      `The release's site.json can't be read: ${parsed.error.issues[0]?.path.join(".")} ${parsed.error.issues[0]?.message}`,
    );
  } catch (error) {
    return err(`The release's site.json is not JSON: ${(error as Error).message}`);
  }
}

const filesBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll("\\", "/"),
    );

/**
 * One function as an archive with an entry named as the function. Netlify's own build makes more of functions in the newer
 * form (a default export, own paths) than an archive can say: those are refused rather than uploaded to fail.
 */
function archiveOf(dir: string, fn: Site["functions"][number]): Result<Uint8Array, string> {
  const only = "only Netlify's own build can deploy such a function: set mode: git, or write it as `handler`";
  if (fn.hasConfig) return err(`The function ${fn.name} exports config: ${only}.`);
  const bundle = readFileSync(join(dir, fn.file));
  if (!/\bhandler\b/.test(bundle.toString("utf8"))) return err(`The function ${fn.name} exports no handler: ${only}.`);
  const entry = `import * as bundled from "./bundle.mjs";\nexport const handler = bundled.handler ?? bundled.default?.handler;\n`;
  return ok(
    zipSync(
      { [`${fn.name}.mjs`]: strToU8(entry), "bundle.mjs": new Uint8Array(bundle) },
      { level: 6, mtime: ARCHIVED_AT },
    ),
  );
}

const redirectsText = ({ redirects }: Site): string =>
  redirects
    .map(({ from, to, status, force, query }) =>
      [
        from,
        ...Object.entries(query).map(([name, value]) => `${name}=${value}`),
        to,
        `${status}${force ? "!" : ""}`,
      ].join(" "),
    )
    .map((line) => `${line}\n`)
    .join("");

const headersText = ({ headers }: Site): string =>
  headers
    .map(
      (rule) =>
        `${rule.for}\n${Object.entries(rule.values)
          .map(([name, value]) => `  ${name}: ${value}\n`)
          .join("")}`,
    )
    .join("");
