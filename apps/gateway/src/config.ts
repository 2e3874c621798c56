import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const Environment = z.object({
  LATCHKEY_URL: z
    .string()
    .default("http://127.0.0.1:7400")
    .transform((text) => text.split(",").map((part) => part.trim().replace(/\/+$/, "")))
    .pipe(
      z
        .array(
          z.url({
            protocol: /^https?$/,
            error: "must be addresses such as http://10.0.0.5:7400, with commas between them",
          }),
        )
        .max(20),
    ),
  LATCHKEY_DIR: z.string().default(".latchkey"),
  LATCHKEY_GATEWAY_TOKEN_FILE: z.string().optional(),
  LATCHKEY_GATEWAY_HOST: z.string().default("127.0.0.1"),
  LATCHKEY_GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(7480),
  LATCHKEY_GATEWAY_LISTEN_FD: z.coerce.number().int().min(3).optional(),
  LATCHKEY_GATEWAY_DIR: z.string().optional(),
  LATCHKEY_GATEWAY_ID: z.string().min(1).max(80).optional(),
  LATCHKEY_GATEWAY_BODY_LIMIT: z.coerce.number().int().min(0).default(10_000_000),
  LATCHKEY_GATEWAY_TRUST_PROXY: z.enum(["0", "1"]).default("0"),
  LATCHKEY_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

export interface GatewayConfig {
  /** The servers that may be asked: the next one when one does not answer. At least one. */
  readonly serverUrls: readonly string[];
  readonly tokenFile: string;
  readonly host: string;
  readonly port: number;
  /** An inherited socket that is bound already; host and port then say nothing. */
  readonly listenFd?: number;
  /** Holds the last routing table and this gateway's id. */
  readonly dir: string;
  readonly gatewayId: string;
  readonly bodyLimitBytes: number;
  /** True when another proxy stands in front: its X-Forwarded-* are believed and continued. */
  readonly trustProxy: boolean;
  readonly logLevel: string;
  /** How long a visitor may take over a request's head. Left out, it is the gateway's own limit. */
  readonly headersTimeoutMs?: number;
  /** The same for a whole request, with its body. */
  readonly requestTimeoutMs?: number;
  /** How long a connection is kept that nobody uses. */
  readonly idleTimeoutMs?: number;
}

/** The id of this gateway: given, or drawn once and kept in its directory, so that it survives restarts. */
function gatewayIdIn(dir: string): string {
  const file = join(dir, "gateway-id");
  try {
    const kept = readFileSync(file, "utf8").trim();
    if (kept.length > 0 && kept.length <= 80) return kept;
  } catch {
    // First start, or an unreadable file: draw a new one.
  }
  const id = `gw_${randomUUID()}`;
  try {
    writeFileSync(file, `${id}\n`);
  } catch {
    // A full disk costs a stable name, not the traffic.
  }
  return id;
}

/** Reads the configuration from environment variables. Throws an Error that names each wrong variable. */
export function readConfig(env: Record<string, string | undefined>): GatewayConfig {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`).join("; ");
    throw new Error(`The gateway's environment is not usable. ${wrong}`);
  }
  const e = parsed.data;
  const dir = e.LATCHKEY_GATEWAY_DIR ?? join(e.LATCHKEY_DIR, "gateway");
  try {
    mkdirSync(dir, { recursive: true });
  } catch {
    // Without a directory nothing is kept over a restart; the table file reports each failure to write.
  }
  return {
    serverUrls: e.LATCHKEY_URL,
    tokenFile: e.LATCHKEY_GATEWAY_TOKEN_FILE ?? join(e.LATCHKEY_DIR, "gateway.token"),
    host: e.LATCHKEY_GATEWAY_HOST,
    port: e.LATCHKEY_GATEWAY_PORT,
    ...(e.LATCHKEY_GATEWAY_LISTEN_FD === undefined ? {} : { listenFd: e.LATCHKEY_GATEWAY_LISTEN_FD }),
    dir,
    gatewayId: e.LATCHKEY_GATEWAY_ID ?? gatewayIdIn(dir),
    bodyLimitBytes: e.LATCHKEY_GATEWAY_BODY_LIMIT,
    trustProxy: e.LATCHKEY_GATEWAY_TRUST_PROXY === "1",
    logLevel: e.LATCHKEY_LOG_LEVEL,
  };
}
