import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

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

/** Throws a sentence. */
export function readSettings(source: NodeJS.ProcessEnv = process.env): Settings {
  const dir = resolve(source.LATCHKEY_DIR || join(ROOT, ".latchkey"));
  const port = portOf(source, "LATCHKEY_PORT", 7400);
  const gatewayPort = portOf(source, "LATCHKEY_GATEWAY_PORT", 7480);
  if (port === gatewayPort)
    throw new Error(`LATCHKEY_PORT and LATCHKEY_GATEWAY_PORT are both ${port}. Give each a port of its own.`);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...source,
    LATCHKEY_DIR: dir,
    LATCHKEY_PORT: String(port),
    LATCHKEY_GATEWAY_PORT: String(gatewayPort),
    LATCHKEY_URL: url,
    LATCHKEY_GATEWAY_TOKEN_FILE: join(dir, "gateway.token"),
    LATCHKEY_GATEWAY_DIR: join(dir, "gateway"),
    // Node 22 and newer keep the compiled code there and start the sooner; Node 20 takes no notice.
    NODE_COMPILE_CACHE: source.NODE_COMPILE_CACHE ?? join(ROOT, ".cache", "compiled"),
  };
  const applicationUrl = `http://127.0.0.1:${gatewayPort}`;
  return { root: ROOT, dir, port, gatewayPort, url, applicationUrl, bare: Boolean(source.LATCHKEY_BARE), env };
}

function portOf(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (!text) return otherwise;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error(`${name} is "${text}"; it must be a port, a number from 1 to 65535.`);
}

/** The programs, as built. */
export const programs = (root: string) => ({
  server: join(root, "apps", "server", "dist", "main.mjs"),
  gateway: join(root, "apps", "gateway", "dist", "main.mjs"),
  cli: join(root, "apps", "cli", "dist", "main.mjs"),
});
