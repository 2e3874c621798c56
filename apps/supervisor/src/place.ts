import { accessSync, constants, existsSync, mkdirSync, statfsSync, statSync } from "node:fs";

const MB = 1024 * 1024;
/** PostgreSQL's write-ahead log may take 256 MB, its data 60 MB and more, logs 4 x 20 MB each; rounded up. */
const NEEDS_MB = 500;

/** The folder that everything is kept in: made where it is missing. Throws a sentence when it cannot serve. */
export function preparePlace(dir: string): void {
  if (existsSync(dir) && !statSync(dir).isDirectory())
    throw new Error(`${dir} is a file, and Latchkey needs a folder of that name. Move it away, or set LATCHKEY_DIR.`);
  // Node's recursive mkdir never returns where the system will not have folders at all.
  if (/^\/(proc|sys)(\/|$)/.test(dir)) throw new Error(`${dir} is no place for data. Set LATCHKEY_DIR to another.`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR" || code === "EEXIST")
      throw new Error(`A part of ${dir} is a file. Set LATCHKEY_DIR to a path of folders.`);
    if (code === "ENOSPC" || code === "EDQUOT") throw new Error("The disk is full. Free about 1 GB and start again.");
    throw new Error(
      `This user may not write to ${dir}. Change its owner, or set LATCHKEY_DIR to a folder of your own.`,
    );
  }
  const { bavail, bsize } = statfsSync(dir);
  const free = Math.floor((bavail * bsize) / MB);
  if (free < NEEDS_MB)
    throw new Error(
      `The disk of ${dir} has ${free} MB left; Latchkey needs about ${NEEDS_MB} MB. Free some and start again.`,
    );
}
