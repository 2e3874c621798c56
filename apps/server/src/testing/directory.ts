import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory that other users may walk through: started as root, PostgreSQL runs as somebody else. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-test-"));
  chmodSync(dir, 0o711);
  return dir;
}

export function removeDirectory(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
