import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Product } from "../../apps/supervisor/src/product.testkit.ts";
import { sleep } from "../figure.ts";
import type { Blow } from "./crashes.ts";

/** An installation's data with three releases and its write-ahead log takes 200 MB, and a build wants 200 MB free. */
const SIZE_MB = 700;
const FULL_FOR_MS = 8_000;
const BLOCK = Buffer.alloc(1024 * 1024);

/**
 * The installation's folder on a file system of its own, so that it can be full. Answers how to take it away again; null
 * where mounting is not allowed.
 */
export function mountSmall(product: Product): (() => void) | null {
  mkdirSync(product.dir, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MB}m,mode=755`, "tmpfs", product.dir]);
  if (mounted.status !== 0) return null;
  return () => spawnSync("umount", ["-l", product.dir]);
}

/** Not a byte is left for some seconds: PostgreSQL can't write its log, nobody can write theirs. */
export const diskFull: Blow = {
  name: "disk full",
  // What serves visitors writes nothing.
  unexplained: (failures) => failures,
  strike: async (crashes) => {
    const { product, random } = crashes;
    crashes.excuse = { ends: ["failed_build"], words: /disk is full|no space left|ENOSPC/i };
    const file = join(product.dir, "ballast");
    fill(file);
    await sleep(FULL_FOR_MS * random());
    rmSync(file);
  },
};

function fill(file: string): void {
  const handle = openSync(file, "w");
  try {
    for (const block of [BLOCK, BLOCK.subarray(0, 4096)]) {
      try {
        for (;;) writeSync(handle, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  } finally {
    closeSync(handle);
  }
}
