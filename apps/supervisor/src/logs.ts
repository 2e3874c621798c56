import { copyFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

/**
 * Keeps log files bounded: one that is over 20 MB is copied aside and emptied. Those who write have it open for
 * appending, some of them outlive this process, and none of them must know. What is written between the copy and the
 * emptying (microseconds) is lost.
 */
const ROTATE_BYTES = 20 * 1024 * 1024;
const KEEP = 3;
/** A release's log is of interest while it may be asked about; the newest 50 cover the last 20 kept releases and failures. */
const RELEASE_LOGS_MAX = 50;
/** Previews come by the dozen and are of no interest for long; they take no place of a release's log. */
const PREVIEW_LOGS_MAX = 20;
/** As `prv_` begins the id of a preview's run. */
const OF_PREVIEW = /(^|-)prv_[0-9a-f]/;
export const LOOK_EVERY_MS = 10_000;

export interface LogLimits {
  readonly rotateBytes: number;
  readonly keep: number;
  readonly releaseLogs: number;
  readonly previewLogs: number;
}
const LIMITS: LogLimits = {
  rotateBytes: ROTATE_BYTES,
  keep: KEEP,
  releaseLogs: RELEASE_LOGS_MAX,
  previewLogs: PREVIEW_LOGS_MAX,
};

export function boundLogs(dir: string, limits: LogLimits = LIMITS): void {
  const releases = join(dir, "logs", "releases");
  const files = [join(dir, "logs"), releases, join(dir, "postgres")].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => name.endsWith(".log"))
      .map((name) => join(folder, name)),
  );
  for (const file of files) if (sizeOf(file) > limits.rotateBytes) rotate(file, limits.keep);
  dropOldest(releases, limits.releaseLogs, (name) => !OF_PREVIEW.test(name));
  dropOldest(releases, limits.previewLogs, (name) => OF_PREVIEW.test(name));
}

function rotate(file: string, keep: number): void {
  try {
    for (let n = keep - 1; n >= 1; n--) if (sizeOf(`${file}.${n}`) >= 0) renameSync(`${file}.${n}`, `${file}.${n + 1}`);
    copyFileSync(file, `${file}.1`);
  } catch {
    // On a full disk there is no copy; emptying it is what helps then.
  }
  try {
    truncateSync(file, 0);
  } catch {
    // Gone in between, or not ours: the next look tries again.
  }
}

function dropOldest(folder: string, keep: number, isMeant: (name: string) => boolean): void {
  const logs = namesIn(folder).filter((name) => name.endsWith(".log") && isMeant(name));
  if (logs.length <= keep) return;
  const byAge = logs.map((name) => ({ name, at: changedAt(join(folder, name)) })).sort((a, b) => b.at - a.at);
  for (const { name } of byAge.slice(keep))
    for (const old of namesIn(folder).filter((other) => other === name || other.startsWith(`${name}.`)))
      rmSync(join(folder, old), { force: true });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return -1;
  }
}
function changedAt(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}
