import { readFile } from "node:fs/promises";
import type { GatewayConfig } from "./config.ts";

/** What this gateway proves itself with to the server. Read each time: a restarted server may have written a new one. */
export async function credentialOf(config: Pick<GatewayConfig, "tokenFile">): Promise<string> {
  return `Bearer ${(await readFile(config.tokenFile, "utf8")).trim()}`;
}

/** The same for an address that may be a server's own; nobody else is ever told. */
export function credentialFor(
  config: Pick<GatewayConfig, "tokenFile" | "serverUrls">,
): (origin: string) => Promise<string | null> {
  const servers = new Set(config.serverUrls.map((url) => new URL(url).origin));
  return async (origin) => (servers.has(origin) ? credentialOf(config).catch(() => null) : null);
}
