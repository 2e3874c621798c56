import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { ServiceConfig } from "@latchkey/api/models";
import { ConfigError, checkService, fileMistake, type PlacedMistake } from "./mistakes.ts";
import { readTypeScript } from "./read-typescript.ts";
import { readYaml, type WrittenService } from "./read-yaml.ts";

export { ConfigError } from "./mistakes.ts";

export interface LoadedConfig {
  readonly file: string;
  /** Folder that `source` is relative to. */
  readonly root: string;
  readonly services: readonly ServiceConfig[];
}

export const CONFIG_NAMES = ["latchkey.config.ts", "latchkey.config.yaml", "latchkey.config.yml"] as const;

/** Looks for a configuration upward from a folder. Two of them in one folder are an error: nobody could tell which counts. */
export function findConfig(from: string): string | null {
  for (let dir = resolve(from); ; dir = dirname(dir)) {
    const found = CONFIG_NAMES.map((name) => join(dir, name)).filter((file) => existsSync(file));
    const [file] = found;
    if (found.length > 1)
      throw new Error(
        `There are ${found.map((f) => basename(f)).join(" and ")} in ${dir}. Keep one of them, or name the one that counts with -f.`,
      );
    if (file) return file;
    if (dir === dirname(dir)) return null;
  }
}

/**
 * Reads a configuration, TypeScript or YAML, into its canonical form, and checks that the folders it names are there.
 * Throws a ConfigError that names file, line where one is known, field and fix.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const services = await readServices(file);
  const root = dirname(resolve(file));
  const missing = services.flatMap((service, i): PlacedMistake[] => {
    const folder = resolve(root, service.source);
    if (existsSync(folder) && statSync(folder).isDirectory()) return [];
    const message = `there is no folder ${service.source} in ${root}. It is relative to this file.`;
    return [{ path: ["source"], atKey: false, message, place: null, service: i + 1 }];
  });
  if (missing.length > 0) throw new ConfigError(file, missing);
  return { file, root, services };
}

/** The services of a file in canonical form, by the file alone. */
export async function readServices(file: string): Promise<ServiceConfig[]> {
  const text = readFileSync(file, "utf8");
  const isYaml = /\.ya?ml$/.test(file);
  const written = isYaml ? await readYaml(file, text) : await readTypeScript(file);
  return checkAll(file, written, isYaml ? text : null);
}

function checkAll(file: string, written: readonly WrittenService[], source: string | null): ServiceConfig[] {
  const services: ServiceConfig[] = [];
  const mistakes: PlacedMistake[] = [];
  written.forEach(({ given, placeOf }, i) => {
    const checked = checkService(given);
    if (checked.ok) {
      services.push(checked.config);
      const twin = services.findIndex((other) => other.name === checked.config.name);
      if (twin === services.length - 1) return;
      const message = `there is another service named ${checked.config.name}. Give each its own name.`;
      const mistake = { path: ["name"], atKey: false, message };
      mistakes.push({ ...mistake, place: placeOf(mistake), service: i + 1 });
      return;
    }
    for (const mistake of checked.mistakes) mistakes.push({ ...mistake, place: placeOf(mistake), service: i + 1 });
  });
  if (mistakes.length > 0) throw new ConfigError(file, mistakes, source);
  return services;
}

/** A sentence for a file that was named and is not there. */
export function assertConfigFile(file: string): void {
  if (!existsSync(file)) throw new ConfigError(file, [fileMistake("there is no such file. Mend the path.")]);
}
