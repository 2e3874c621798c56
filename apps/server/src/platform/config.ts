import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";

/** The server's configuration: file `.latchkey/config.json`, then environment, the later wins. Every value has a default. */
const Config = z.strictObject({
  dir: z.string(),
  host: z.enum(["127.0.0.1", "0.0.0.0", "::1"]).default("127.0.0.1"),
  port: z.coerce.number().int().min(1).max(65_535).default(7400),
  gatewayPort: z.coerce.number().int().min(1).max(65_535).default(7480),
  /** PostgreSQL 15 to 17. Without it, an embedded one is started in `dir`. */
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** The address that people use, for sign-in links. */
  publicUrl: z.url().optional(),
});
export type Config = z.infer<typeof Config>;

const ENVIRONMENT: Readonly<Record<string, string>> = {
  LATCHKEY_HOST: "host",
  LATCHKEY_PORT: "port",
  LATCHKEY_GATEWAY_PORT: "gatewayPort",
  DATABASE_URL: "databaseUrl",
  LATCHKEY_DATABASE_URL: "databaseUrl",
  LATCHKEY_PUBLIC_URL: "publicUrl",
};

/** Throws an error whose message names each wrong field, where it came from, and what it must be. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const dir = resolve(env.LATCHKEY_DIR ?? ".latchkey");
  const file = join(dir, "config.json");
  const given: Record<string, unknown> = { ...readFile(file), dir };
  const from: Record<string, string> = {};
  for (const [name, field] of Object.entries(ENVIRONMENT)) {
    if (env[name] === undefined || env[name] === "") continue;
    given[field] = env[name];
    from[field] = name;
  }
  const parsed = Config.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const field = String(issue.path[0] ?? (issue.code === "unrecognized_keys" ? issue.keys.join(", ") : "?"));
    return `${from[field] ?? `${field} in ${file}`}: ${issue.message}`;
  });
  throw new Error(`The configuration has errors:\n  ${lines.join("\n  ")}`);
}

function readFile(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Said below, with the file's name.
  }
  throw new Error(`${file} is not a JSON object. Mend it or move it away.`);
}
