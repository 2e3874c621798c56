import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { environmentOf, readServerConfig } from "@latchkey/config/server";

/** What a start goes by: everything that is read from the environment is read here. */
export interface Settings {
  readonly root: string;
  readonly dir: string;
  readonly port: number;
  readonly gatewayPort: number;
  readonly url: string;
  readonly applicationUrl: string;
  /** Starts without the services of latchkey.config.ts. */
  readonly bare: boolean;
  /** The environment of the server, the gateway and the command line. */
  readonly env: NodeJS.ProcessEnv;
}

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Flags win over the environment, that over config.json in the data folder. Throws a sentence. */
export function readSettings(source: NodeJS.ProcessEnv = process.env, argv: readonly string[] = []): Settings {
  const config = readServerConfig({ ...source, LATCHKEY_DIR: source.LATCHKEY_DIR || join(ROOT, ".latchkey") }, argv);
  const { dir, port, gatewayPort } = config;
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...source,
    // Flags and file are settled here; the server, the gateway and the command line read them from the environment.
    ...environmentOf(config),
    // The gateway goes on with the others when this one's server is away.
    LATCHKEY_URL: [url, ...(config.peers?.split(",").map((peer) => peer.trim()) ?? [])].join(","),
    LATCHKEY_GATEWAY_TOKEN_FILE: join(dir, "gateway.token"),
    LATCHKEY_GATEWAY_DIR: join(dir, "gateway"),
    // Node 22 and newer keep the compiled code there and start the sooner; Node 20 takes no notice.
    NODE_COMPILE_CACHE: source.NODE_COMPILE_CACHE ?? join(ROOT, ".cache", "compiled"),
  };
  const applicationUrl = `http://127.0.0.1:${gatewayPort}`;
  return { root: ROOT, dir, port, gatewayPort, url, applicationUrl, bare: Boolean(source.LATCHKEY_BARE), env };
}

/** The programs, as built. */
export const programs = (root: string) => ({
  server: join(root, "apps", "server", "dist", "main.mjs"),
  gateway: join(root, "apps", "gateway", "dist", "main.mjs"),
  cli: join(root, "apps", "cli", "dist", "main.mjs"),
});
