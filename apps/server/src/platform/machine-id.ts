import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

const quietly = (read: () => string): string => {
  try {
    return read().trim();
  } catch {
    return "";
  }
};

/**
 * A name for what shares one loopback interface and one table of processes: a machine, or a container on it. Servers
 * with the same name can look after the same processes; with another name they can't even see whether they live.
 */
export function machineId(): string {
  const parts = [
    hostname(),
    quietly(() => readFileSync("/etc/machine-id", "utf8")),
    quietly(() => readlinkSync("/proc/self/ns/net")),
    quietly(() => readlinkSync("/proc/self/ns/pid")),
  ];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
}
