import { readFile } from "node:fs/promises";
import type { GatewayConfig } from "./config.ts";

/** What this gateway proves itself with to the server. Read each time: a restarted server may have written a new one. */
export async function credentialOf(config: Pick<GatewayConfig, "tokenFile">): Promise<string> {
  return `Bearer ${(await readFile(config.tokenFile, "utf8")).trim()}`;
}

/** The same for an address that may be the server's own; nobody else is ever told. */
export function credentialFor(
  config: Pick<GatewayConfig, "tokenFile" | "serverUrl">,
): (origin: string) => Promise<string | null> {
  const server = new URL(config.serverUrl).origin;
  return async (origin) => (origin === server ? credentialOf(config).catch(() => null) : null);
}
