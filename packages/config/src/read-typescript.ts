import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, fileMistake, type Place, type PlacedMistake } from "./mistakes.ts";
import type { WrittenService } from "./read-yaml.ts";

/** Runs a TypeScript configuration and takes its default export. Only the command line does this, never the server. */
export async function readTypeScript(file: string): Promise<WrittenService[]> {
  const scratch = mkdtempSync(join(tmpdir(), "latchkey-config-"));
  const out = join(scratch, "config.mjs");
  try {
    await bundle(file, out);
    const exported = await run(file, out);
    if (exported === undefined)
      throw new ConfigError(file, [
        fileMistake("it has no default export. Write `export default defineService({ ... })`."),
      ]);
    if (typeof exported === "function")
      throw new ConfigError(file, [
        fileMistake("its default export is a function. Export the service itself, or a list of services."),
      ]);
    const given = Array.isArray(exported) ? (exported as unknown[]) : [exported];
    if (given.length === 0) throw new ConfigError(file, [fileMistake("its list of services is empty.")]);
    return given.map((service) => ({ given: service, placeOf: () => null }));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function bundle(file: string, out: string): Promise<void> {
  // esbuild is half of this program's start-up time: it is loaded only when there is TypeScript to read.
  const { build } = await import("esbuild");
  try {
    await build({
      entryPoints: [file],
      outfile: out,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "inline",
      logLevel: "silent",
    });
  } catch (cause) {
    const { errors } = cause as { errors?: { text: string; location: BuildLocation | null }[] };
    if (!errors || errors.length === 0) throw cause;
    throw new ConfigError(
      file,
      errors.map((error) => buildMistake(file, error)),
      sourceOf(file, errors[0]?.location ?? null),
    );
  }
}

interface BuildLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

function buildMistake(file: string, error: { text: string; location: BuildLocation | null }): PlacedMistake {
  const { location } = error;
  const place = location ? { line: location.line, column: location.column + 1 } : null;
  const elsewhere = location && resolve(location.file) !== resolve(file) ? ` (in ${location.file})` : "";
  const remedy = /^Could not resolve/.test(error.text) ? " Install it, or mend the path." : "";
  return fileMistake(`${error.text}${elsewhere}.${remedy}`, place);
}

const sourceOf = (file: string, location: BuildLocation | null): string | null =>
  location === null || resolve(location.file) === resolve(file) ? readFileSync(file, "utf8") : null;

async function run(file: string, out: string): Promise<unknown> {
  // With source maps on, an error that the configuration throws names the line in its own source.
  process.setSourceMapsEnabled(true);
  try {
    return ((await import(pathToFileURL(out).href)) as { default?: unknown }).default;
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const place = placeIn(error.stack ?? "", file);
    throw new ConfigError(
      file,
      [fileMistake(`it throws while it is read: ${error.message}`, place)],
      readFileSync(file, "utf8"),
    );
  } finally {
    process.setSourceMapsEnabled(false);
  }
}

/** The first line of a stack that is in this file. */
function placeIn(stack: string, file: string): Place | null {
  const name = basename(file).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`${name}:(\\d+):(\\d+)`).exec(stack);
  return found ? { line: Number(found[1]), column: Number(found[2]) } : null;
}
