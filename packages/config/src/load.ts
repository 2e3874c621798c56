import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ServiceConfig } from "@latchkey/api/models";

export interface LoadedConfig {
  readonly file: string;
  /** Folder that `source` is relative to. */
  readonly root: string;
  readonly services: readonly ServiceConfig[];
}

/** Looks for latchkey.config.ts upward from a folder. */
export function findConfig(from: string): string | null {
  for (let dir = resolve(from); ; dir = dirname(dir)) {
    const file = join(dir, "latchkey.config.ts");
    if (existsSync(file)) return file;
    if (dir === dirname(dir)) return null;
  }
}

/** Reads a TypeScript configuration into its canonical form. Throws a sentence that names the field and the fix. */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const { build } = await import("esbuild");
  const scratch = mkdtempSync(join(tmpdir(), "latchkey-config-"));
  const out = join(scratch, "config.mjs");
  try {
    await build({
      entryPoints: [file],
      outfile: out,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      logLevel: "silent",
    });
    const module = (await import(pathToFileURL(out).href)) as { default?: unknown };
    const given = Array.isArray(module.default) ? module.default : [module.default];
    return { file, root: dirname(file), services: given.map((service, i) => check(service, file, i)) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function check(service: unknown, file: string, index: number): ServiceConfig {
  const parsed = ServiceConfig.safeParse(service);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".") || "(the service)"}: ${issue.message}`);
  throw new Error(`${file} has errors in service ${index + 1}:\n${lines.join("\n")}`);
}
