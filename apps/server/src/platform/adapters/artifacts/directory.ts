import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { join, normalize, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { SizedFile } from "@latchkey/core/delivery/gates/size";
import type { ArtifactFile, Manifest } from "@latchkey/core/delivery/ports";

/** Artifacts in a directory: `<root>/<digest>/…`, written once, never changed. */
const FILES_MAX = 20_000;
const BYTES_MAX = 1024 ** 3;

export class ArtifactStore {
  readonly #root: string;
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * An empty folder for a build to write into, beside the artifacts so that moving it in is a rename. Each call gives
   * another one: a build whose server was killed may still write into its own. What earlier ones left is removed.
   */
  async workspace(id: string): Promise<string> {
    const building = join(this.#root, "building");
    await mkdir(building, { recursive: true });
    for (const left of await readdir(building))
      if (left.startsWith(`${id}-`)) await rm(join(building, left), { recursive: true, force: true });
    return mkdtemp(join(building, `${id}-`));
  }

  pathOf(digest: string): string {
    return join(this.#root, digest);
  }

  /** Hashes the folder and moves it to its digest. Content that is there already is kept. Throws on links and on limits. */
  async take(dir: string): Promise<Manifest> {
    const manifest = await manifestOf(dir);
    const home = this.pathOf(manifest.digest);
    if (await exists(home)) await rm(dir, { recursive: true, force: true });
    else await rename(dir, home);
    return manifest;
  }

  async drop(dir: string): Promise<void> {
    await rm(dir, { recursive: true, force: true });
  }

  async has(digest: string): Promise<boolean> {
    return exists(this.pathOf(digest));
  }

  /** The bytes of an artifact's files. */
  async bytesOf(digest: string): Promise<number> {
    let sum = 0;
    for (const entry of await readdir(this.pathOf(digest), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
    return sum;
  }

  /** See the port `Sizes`. */
  async sizesOf(digest: string, compresses: (path: string) => boolean): Promise<readonly SizedFile[] | null> {
    if (!(await this.has(digest))) return null;
    const root = this.pathOf(digest);
    const files: SizedFile[] = [];
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const path = relative(root, file).split(sep).join("/");
      const sizeBytes = (await stat(file)).size;
      files.push({ path, sizeBytes, gzipBytes: compresses(path) ? await gzipBytesOf(file) : null });
    }
    return files;
  }

  /** What is free where artifacts are kept, for those who are not root. */
  async freeBytes(): Promise<number> {
    await mkdir(this.#root, { recursive: true });
    const { bavail, bsize } = await statfs(this.#root);
    return bavail * bsize;
  }

  /** Drops every artifact that is not named. Answers how many. Builds under way are left alone. */
  async keepOnly(digests: ReadonlySet<string>): Promise<number> {
    let dropped = 0;
    for (const entry of await readdir(this.#root, { withFileTypes: true }).catch(() => [])) {
      if (!entry.isDirectory() || !/^[0-9a-f]{64}$/.test(entry.name) || digests.has(entry.name)) continue;
      await rm(join(this.#root, entry.name), { recursive: true, force: true });
      dropped += 1;
    }
    return dropped;
  }

  /** A file of an artifact's `public/` folder; null when there is none or the path leaves the folder. */
  async publicFile(digest: string, path: string): Promise<{ body: Buffer } | null> {
    const base = join(this.pathOf(digest), "public");
    const file = normalize(join(base, path));
    if (!file.startsWith(base + sep)) return null;
    try {
      if (!(await lstat(file)).isFile()) return null;
      return { body: await readFile(file) };
    } catch {
      return null;
    }
  }
}

const exists = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function manifestOf(dir: string): Promise<Manifest> {
  const files: ArtifactFile[] = [];
  const walk = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
      const full = join(folder, entry.name);
      if (entry.isDirectory()) await walk(full, path);
      else if (entry.isFile()) files.push({ path, sha256: await hashFile(full), sizeBytes: (await stat(full)).size });
      else throw new Error(`${path} is neither a file nor a folder; an artifact may hold only those.`);
      if (files.length > FILES_MAX) throw new Error(`The artifact has more than ${FILES_MAX} files.`);
    }
  };
  await walk(dir, "");
  if (files.length === 0) throw new Error("The build wrote nothing into $LATCHKEY_ARTIFACT.");
  const sizeBytes = files.reduce((sum, f) => sum + f.sizeBytes, 0);
  if (sizeBytes > BYTES_MAX) throw new Error("The artifact is larger than 1 GiB.");
  const lines = files.map((f) => `${f.sha256}  ${f.sizeBytes}  ${f.path}\n`).join("");
  return { digest: createHash("sha256").update(lines).digest("hex"), files, sizeBytes };
}

/** As servers compress: zlib's own level. */
async function gzipBytesOf(path: string): Promise<number> {
  let bytes = 0;
  await pipeline(createReadStream(path), createGzip(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) bytes += chunk.length;
  });
  return bytes;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
