import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import net, { createServer } from "node:net";

/** Why a port cannot be had, as a sentence that says what to do; null when it is free. */
export async function portComplaint(port: number, what: string, name: string): Promise<string | null> {
  const probe = createServer();
  const code = await new Promise<string | null>((done) => {
    probe.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? "unknown"));
    probe.listen(port, "127.0.0.1", () => probe.close(() => done(null)));
  });
  if (code === null) return null;
  const choose = `choose another: ${name}=${port < 65_000 ? port + 1 : port - 1} npm start`;
  if (code === "EACCES")
    return `Port ${port}, for ${what}, is only for root. ${choose[0]?.toUpperCase()}${choose.slice(1)}`;
  const owner = ownerOf(port);
  return `Port ${port}, for ${what}, is taken${owner ? ` by ${owner}` : ""}. Free it, or ${choose}`;
}

/** Who listens on a port, where /proc tells: "process 12 (node server.js)". */
function ownerOf(port: number): string | null {
  const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return null;
  for (const pid of quietly(() => readdirSync("/proc"), [] as string[]).filter((name) => /^\d+$/.test(name))) {
    for (const fd of quietly(() => readdirSync(`/proc/${pid}/fd`), [] as string[])) {
      const inode = /^socket:\[(\d+)\]$/.exec(quietly(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ""))?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const command = quietly(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), "")
        .split("\0")
        .join(" ")
        .trim();
      return `process ${pid}${command ? ` (${command.slice(0, 80)})` : ""}`;
    }
  }
  return null;
}

function listeningInodes(table: string, port: number): string[] {
  const LISTEN = "0A";
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return quietly(() => readFileSync(`/proc/net/${table}`, "utf8"), "")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((f) => f[3] === LISTEN && f[1]?.endsWith(`:${hex}`))
    .flatMap((f) => f[9] ?? []);
}

function quietly<T>(run: () => T, otherwise: T): T {
  try {
    return run();
  } catch {
    return otherwise;
  }
}

/** Referenced, so that none is collected, which would close it. */
const held = new Set<unknown>();

/**
 * Binds the application's port and keeps it for as long as this process lives; the gateway listens on it. While a
 * gateway is being replaced after a crash, visitors' connections wait in the kernel's queue instead of being refused.
 * The call is the one that Node's own cluster module shares ports with; where it is missing, the gateway binds by itself.
 */
export function holdPort(port: number): number | undefined {
  const create = (net as unknown as { _createServerHandle?: (host: string, port: number, family: 4) => unknown })
    ._createServerHandle;
  if (process.platform === "win32" || create === undefined) return undefined;
  const handle = create("127.0.0.1", port, 4) as { fd?: number } | number;
  if (typeof handle === "number" || typeof handle.fd !== "number" || handle.fd < 0) return undefined;
  held.add(handle);
  return handle.fd;
}
