import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { didYouMean } from "./nearest.ts";

/**
 * The server's own configuration. Three sources, the later wins: `config.json` in the data folder, the environment,
 * flags. Every value has a default. One schema for all who need it: the server, the supervisor that starts it, and
 * `latchkey config check --server`.
 */
const port = z.coerce
  .number("a port is a number from 1 to 65535")
  .int("a port is a whole number")
  .min(1, "a port is a number from 1 to 65535")
  .max(65_535, "a port is a number from 1 to 65535");
/** More than a server answers: whoever wants no limit writes this. */
const RATE_MAX = 100_000;
const perSecond = (what: string, fallback: number) => {
  const must = `must be a whole number of ${what} a second, from 1 to ${RATE_MAX}`;
  return z.coerce.number(must).int(must).min(1, must).max(RATE_MAX, must).default(fallback);
};
const isNetwork = (text: string): boolean => z.cidrv4().safeParse(text).success || z.cidrv6().safeParse(text).success;
export const ServerConfig = z.strictObject({
  dir: z.string().min(1),
  /** What servers on one PostgreSQL have in common: the ledger's keys, artifacts, backups. Without it, `dir` is the place. */
  sharedDir: z.string().min(1).optional(),
  /** Where this machine's releases listen, and other machines' gateways reach them. */
  address: z.ipv4("must be an IPv4 address of this machine, such as 10.0.0.5").optional(),
  /** The other servers on this PostgreSQL, for the gateway beside this one. */
  peers: z
    .string()
    .refine((text) => text.split(",").every((part) => z.url({ protocol: /^https?$/ }).safeParse(part.trim()).success), {
      error: "must be addresses such as http://10.0.0.6:7400, with commas between them",
    })
    .optional(),
  host: z
    .enum(["127.0.0.1", "0.0.0.0", "::1"], "must be 127.0.0.1 or ::1 (this machine only), or 0.0.0.0 (every network)")
    .default("127.0.0.1"),
  port: port.default(7400),
  gatewayPort: port.default(7480),
  /** PostgreSQL 15 to 17. Without it, an embedded one is started in `dir`. */
  databaseUrl: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be an address such as postgres://user:password@host:5432/name" })
    .optional(),
  /** The owner of the tables, when `databaseUrl` is a role that may not migrate: see SECURITY.md. */
  databaseOwnerUrl: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be an address such as postgres://user:password@host:5432/name" })
    .optional(),
  /** Short names of the ledger's keys that are lost for good and replaced at this start: the refusal names them. */
  replaceKey: z
    .string()
    .regex(/^[0-9a-f]{16}(,[0-9a-f]{16})*$/, "must be the short name that the refused start named: 16 digits 0-9a-f")
    .optional(),
  /** So many backups are kept in the data folder; the oldest are deleted. */
  backupsKept: z.coerce
    .number("a number of backups from 1 to 1000")
    .int("a whole number of backups")
    .min(1, "at least 1 backup is kept")
    .max(1000, "at most 1000 backups are kept")
    .optional(),
  /** The address that people use, for sign-in links. */
  publicUrl: z
    .url({ protocol: /^https?$/, error: "must be an address such as https://latchkey.example.com" })
    .optional(),
  /** A server with Prometheus' HTTP API: what metrics of a service's own are asked of. */
  prometheusUrl: z
    .url({ protocol: /^https?$/, error: "must be an address such as http://127.0.0.1:9090" })
    .refine((url) => !/[?#@]/.test(url), "must be an address without a user, ? and #; a token goes into a file")
    .optional(),
  prometheusTokenFile: z.string().min(1).optional(),
  /** Where repositories are cloned from, and where GitHub's API is: others than github.com for GitHub Enterprise Server. */
  githubUrl: z
    .url({ protocol: /^(https?|file)$/, error: "must be an address such as https://github.com" })
    .refine((url) => !/[?#@]/.test(url), "must be an address without a user, ? and #; a token goes into a file")
    .optional(),
  githubApiUrl: z
    .url({ protocol: /^https?$/, error: "must be an address such as https://api.github.com" })
    .refine((url) => !/[?#@]/.test(url), "must be an address without a user, ? and #; a token goes into a file")
    .optional(),
  githubTokenFile: z.string().min(1).optional(),
  /** A GitHub App instead of a token: its id (or client id), and the file with its private key. */
  githubAppId: z
    .string()
    .regex(/^[0-9A-Za-z.]{1,40}$/, "must be the App's id or client id, such as 123456")
    .optional(),
  githubAppKeyFile: z.string().min(1).optional(),
  /** One secret a line: while it is changed, the old and the new one are good. */
  githubWebhookSecretFile: z.string().min(1).optional(),
  /** Asks GitHub every so many seconds, for a server that GitHub can't reach; 5,000 questions an hour are allowed. */
  githubPollSeconds: z.coerce
    .number("must be a whole number of seconds from 10 to 3600")
    .int("must be a whole number of seconds from 10 to 3600")
    .min(10, "must be a whole number of seconds from 10 to 3600")
    .max(3600, "must be a whole number of seconds from 10 to 3600")
    .optional(),
  /** Who signs the tokens of workflows. */
  githubOidcIssuer: z
    .url({ protocol: /^https?$/, error: "must be an address such as https://token.actions.githubusercontent.com" })
    .optional(),
  /** Netlify's API, where it is not Netlify's own. */
  netlifyApiUrl: z
    .url({ protocol: /^https?$/, error: "must be an address such as https://api.netlify.com/api/v1" })
    .refine((url) => !/[?#@]/.test(url), "must be an address without a user, ? and #; a token goes into a file")
    .refine(
      (url) => url.startsWith("https:") || /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(url),
      "must begin with https: the token goes there (http only on this machine itself)",
    )
    .optional(),
  netlifyTokenFile: z.string().min(1).optional(),
  /** One secret a line: while it is changed, the old and the new one are good. */
  netlifyWebhookSecretFile: z.string().min(1).optional(),
  /** Private networks that notifications may be sent into: nothing else that is private can be reached by a channel. */
  notifyNetworks: z
    .string()
    .refine((text) => text.split(",").every((part) => isNetwork(part.trim())), {
      error: "must be networks such as 10.0.0.0/8 or fd00::/8, with commas between them",
    })
    .optional(),
  /** How often one credential may read: a dashboard's 200 a second, and half as much again. Twice that at once. */
  readsPerSecond: perSecond("reads", 300),
  /** How often one credential may write: a pipeline that ships 20 services. Ten times that at once: a page of a list. */
  writesPerSecond: perSecond("writes", 20),
});
export type ServerConfig = z.infer<typeof ServerConfig>;

interface Source {
  readonly flag: string;
  /** Later names win over earlier ones. */
  readonly environment: readonly string[];
  readonly words: string;
}
export const SERVER_SOURCES: Readonly<Record<keyof ServerConfig, Source>> = {
  dir: { flag: "--dir", environment: ["LATCHKEY_DIR"], words: "folder for all data (.latchkey)" },
  sharedDir: {
    flag: "--shared-dir",
    environment: ["LATCHKEY_SHARED_DIR"],
    words: "folder that all servers on one PostgreSQL see, for keys, artifacts and backups (that of --dir)",
  },
  address: {
    flag: "--address",
    environment: ["LATCHKEY_ADDRESS"],
    words: "where other machines reach the releases that run on this one (127.0.0.1)",
  },
  peers: {
    flag: "--peers",
    environment: ["LATCHKEY_PEERS"],
    words: "addresses of the other servers on this PostgreSQL, with commas: the gateway goes on with them",
  },
  host: { flag: "--host", environment: ["LATCHKEY_HOST"], words: "address to listen on (127.0.0.1)" },
  port: { flag: "--port", environment: ["LATCHKEY_PORT"], words: "port of the console and the API (7400)" },
  gatewayPort: {
    flag: "--gateway-port",
    environment: ["LATCHKEY_GATEWAY_PORT"],
    words: "port of the application behind the gateway (7480)",
  },
  databaseUrl: {
    flag: "--database-url",
    environment: ["DATABASE_URL", "LATCHKEY_DATABASE_URL"],
    words: "a PostgreSQL of your own, 15 to 17 (an embedded one)",
  },
  databaseOwnerUrl: {
    flag: "--database-owner-url",
    environment: ["LATCHKEY_DATABASE_OWNER_URL"],
    words: "the owner of that database's tables, when the role in --database-url may not migrate",
  },
  replaceKey: {
    flag: "--replace-key",
    environment: ["LATCHKEY_REPLACE_KEY"],
    words: "a key of the ledger that is lost for good, by the short name that the refused start named",
  },
  backupsKept: {
    flag: "--backups-kept",
    environment: ["LATCHKEY_BACKUPS_KEPT"],
    words: "how many backups are kept (7)",
  },
  publicUrl: { flag: "--public-url", environment: ["LATCHKEY_PUBLIC_URL"], words: "the address that people use" },
  prometheusUrl: {
    flag: "--prometheus-url",
    environment: ["LATCHKEY_PROMETHEUS_URL"],
    words: "a Prometheus that a service's own metrics are read from, such as http://127.0.0.1:9090 (none)",
  },
  prometheusTokenFile: {
    flag: "--prometheus-token-file",
    environment: ["LATCHKEY_PROMETHEUS_TOKEN_FILE"],
    words: "a file with the token that it asks for; or the token itself in LATCHKEY_PROMETHEUS_TOKEN",
  },
  githubUrl: {
    flag: "--github-url",
    environment: ["LATCHKEY_GITHUB_URL"],
    words: "where repositories are cloned from (https://github.com)",
  },
  githubApiUrl: {
    flag: "--github-api-url",
    environment: ["LATCHKEY_GITHUB_API_URL"],
    words: "GitHub's API (https://api.github.com)",
  },
  githubTokenFile: {
    flag: "--github-token-file",
    environment: ["LATCHKEY_GITHUB_TOKEN_FILE"],
    words: "a file with a token for GitHub; or the token itself in LATCHKEY_GITHUB_TOKEN",
  },
  githubAppId: {
    flag: "--github-app-id",
    environment: ["LATCHKEY_GITHUB_APP_ID"],
    words: "the id of a GitHub App, instead of a token",
  },
  githubAppKeyFile: {
    flag: "--github-app-key-file",
    environment: ["LATCHKEY_GITHUB_APP_KEY_FILE"],
    words: "a file with the App's private key, as GitHub gives it",
  },
  githubWebhookSecretFile: {
    flag: "--github-webhook-secret-file",
    environment: ["LATCHKEY_GITHUB_WEBHOOK_SECRET_FILE"],
    words: "a file with the webhook's secret, two lines while it is changed",
  },
  githubPollSeconds: {
    flag: "--github-poll-seconds",
    environment: ["LATCHKEY_GITHUB_POLL_SECONDS"],
    words: "ask GitHub this often, where it can't reach this server (never)",
  },
  githubOidcIssuer: {
    flag: "--github-oidc-issuer",
    environment: ["LATCHKEY_GITHUB_OIDC_ISSUER"],
    words: "who signs the tokens of workflows (https://token.actions.githubusercontent.com)",
  },
  netlifyApiUrl: {
    flag: "--netlify-api-url",
    environment: ["LATCHKEY_NETLIFY_API_URL"],
    words: "Netlify's API (https://api.netlify.com/api/v1)",
  },
  netlifyTokenFile: {
    flag: "--netlify-token-file",
    environment: ["LATCHKEY_NETLIFY_TOKEN_FILE"],
    words: "a file with a token for Netlify; or the token itself in LATCHKEY_NETLIFY_TOKEN",
  },
  netlifyWebhookSecretFile: {
    flag: "--netlify-webhook-secret-file",
    environment: ["LATCHKEY_NETLIFY_WEBHOOK_SECRET_FILE"],
    words: "a file with the secret of Netlify's webhooks, two lines while it is changed",
  },
  notifyNetworks: {
    flag: "--notify-networks",
    environment: ["LATCHKEY_NOTIFY_NETWORKS"],
    words: "private networks that notifications may be sent into, such as 10.0.0.0/8, with commas (none)",
  },
  readsPerSecond: {
    flag: "--reads-per-second",
    environment: ["LATCHKEY_READS_PER_SECOND"],
    words: "how often one credential may read the API (300; for a moment twice as often)",
  },
  writesPerSecond: {
    flag: "--writes-per-second",
    environment: ["LATCHKEY_WRITES_PER_SECOND"],
    words: "how often one credential may write (20; for a moment ten times as often)",
  },
};
/** What is a path as the shell's folder has it. */
const FILES = [
  "prometheusTokenFile",
  "githubTokenFile",
  "githubAppKeyFile",
  "githubWebhookSecretFile",
  "netlifyTokenFile",
  "netlifyWebhookSecretFile",
] as const;
const FIELDS = Object.keys(SERVER_SOURCES) as (keyof ServerConfig)[];

/** The flags and what they mean, a line each. */
export function serverFlagsHelp(): string {
  const flags = FIELDS.map((field) => `${SERVER_SOURCES[field].flag} <value>`);
  const wide = Math.max(...flags.map((flag) => flag.length)) + 2;
  return FIELDS.map((field, i) => {
    const { environment, words } = SERVER_SOURCES[field];
    return `  ${(flags[i] ?? "").padEnd(wide)}${words}; in the environment ${environment.at(-1)}`;
  }).join("\n");
}

export interface ServerSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags, without the program's name. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** A file's text, or null when it is not there. */
  readonly readText: (file: string) => string | null;
}

/** Pure but for `readText`. Throws an error that names each wrong field, where it came from, and what it must be. */
export function parseServerConfig(sources: ServerSources): ServerConfig {
  const flags = readFlags(sources.argv);
  const from = new Map<string, string>();
  const given: Record<string, unknown> = {};
  const inEnvironment: Record<string, string> = {};
  for (const field of FIELDS) {
    for (const name of SERVER_SOURCES[field].environment) {
      // An empty variable is how shells and compose files write "not set".
      const value = sources.env[name];
      if (value === undefined || value === "") continue;
      inEnvironment[field] = value;
      from.set(field, name);
    }
  }
  const dir = resolve(sources.cwd, flags.dir ?? inEnvironment.dir ?? ".latchkey");
  const file = join(dir, "config.json");
  Object.assign(given, readFile(file, sources.readText(file)), inEnvironment, flags, { dir });
  if (typeof given.sharedDir === "string" && given.sharedDir !== "")
    given.sharedDir = resolve(sources.cwd, given.sharedDir);
  for (const file of FILES) {
    const name = given[file];
    if (typeof name === "string" && name !== "") given[file] = resolve(sources.cwd, name);
  }
  for (const field of Object.keys(flags)) from.set(field, SERVER_SOURCES[field as keyof ServerConfig].flag);
  const parsed = ServerConfig.safeParse(given);
  const lines = parsed.success ? [] : parsed.error.issues.flatMap((issue) => wordsOf(issue, from, file, given));
  if (parsed.success && parsed.data.port === parsed.data.gatewayPort)
    lines.push(`port and gatewayPort are both ${parsed.data.port}: give each its own.`);
  if (parsed.success && parsed.data.databaseOwnerUrl && !parsed.data.databaseUrl)
    lines.push(
      "databaseOwnerUrl is given without databaseUrl: give the server's own role with databaseUrl, or leave it out.",
    );
  if (parsed.success && (parsed.data.githubAppId === undefined) !== (parsed.data.githubAppKeyFile === undefined))
    lines.push("githubAppId and githubAppKeyFile belong together: give both, or neither.");
  if (parsed.success && parsed.data.sharedDir && !parsed.data.databaseUrl)
    lines.push(
      "sharedDir is given without databaseUrl: servers that share a folder share a PostgreSQL, too. Give it with databaseUrl, or leave sharedDir out.",
    );
  if (parsed.success && parsed.data.prometheusTokenFile && !parsed.data.prometheusUrl)
    lines.push("prometheusTokenFile is given without prometheusUrl: give the address that the token is for, too.");
  if (parsed.success && lines.length === 0) return parsed.data;
  throw new Error(
    `The server's configuration has ${lines.length === 1 ? "a mistake" : `${lines.length} mistakes`}:\n  ${lines.join("\n  ")}`,
  );
}

/** The same, from this process: its environment, its folder, its disk. */
export function readServerConfig(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[] = [],
): ServerConfig {
  return parseServerConfig({
    env,
    argv,
    cwd: process.cwd(),
    readText: (file) => (existsSync(file) ? readFileSync(file, "utf8") : null),
  });
}

/** Where keys, artifacts and backups are: in the folder that servers share, or else in this server's own. */
export const sharedDirOf = (config: Pick<ServerConfig, "dir" | "sharedDir">): string => config.sharedDir ?? config.dir;

/** What a child process must have in its environment to read the same configuration. */
export function environmentOf(config: ServerConfig): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = config[field];
    const name = SERVER_SOURCES[field].environment.at(-1);
    if (value !== undefined && name) environment[name] = String(value);
  }
  return environment;
}

function readFlags(argv: readonly string[]): Partial<Record<keyof ServerConfig, string>> {
  const known = FIELDS.map((field) => SERVER_SOURCES[field].flag);
  const flags: Partial<Record<keyof ServerConfig, string>> = {};
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    const [name = "", inline] = word.split(/=(.*)/s, 2);
    const field = FIELDS.find((f) => SERVER_SOURCES[f].flag === name);
    if (!field)
      throw new Error(
        `There is no flag ${name}.${didYouMean(name, known)} There are ${known.join(", ")}, each with a value.`,
      );
    const value = inline ?? argv[++i];
    if (value === undefined || value === "" || (inline === undefined && value.startsWith("--")))
      throw new Error(`${name} needs a value: ${name} <value>. It is the ${SERVER_SOURCES[field].words}.`);
    flags[field] = value;
  }
  return flags;
}

function wordsOf(
  issue: z.core.$ZodIssue,
  from: ReadonlyMap<string, string>,
  file: string,
  given: Readonly<Record<string, unknown>>,
): string[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${key} in ${file}: there is no such field.${didYouMean(key, FIELDS)}`);
  const field = String(issue.path[0] ?? "?");
  const value = JSON.stringify(given[field]);
  // An address may hold a password, which has no place in a log.
  const shown = ["databaseUrl", "databaseOwnerUrl", "prometheusUrl"].includes(field) ? "the given address" : value;
  return [`${from.get(field) ?? `${field} in ${file}`}: ${issue.message}; it is ${shown}.`];
}

function readFile(file: string, text: string | null): Record<string, unknown> {
  if (text === null) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${file} is not JSON: ${(error as Error).message}. Mend it or move it away.`);
  }
  throw new Error(`${file} must hold a JSON object, such as {"port": 7400}. Mend it or move it away.`);
}
