import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { packTar, unpackTar } from "modern-tar/fs";
import type { ArtifactStore } from "../adapters/artifacts/directory.ts";
import { BackupFault } from "./manifest.ts";
import type { Sink } from "./reading.ts";

/** An artifact's folder as a tar of its own: names of any length, modes kept. */
export function artifactOut(store: ArtifactStore, digest: string): AsyncIterable<Buffer> {
  return packTar(store.pathOf(digest)) as AsyncIterable<Buffer>;
}

/** Puts an artifact back where its digest says; what is there already is kept. Refuses one that has another digest. */
export async function artifactIn(store: ArtifactStore, digest: string): Promise<Sink> {
  const dir = await store.workspace(`restore-${digest.slice(0, 16)}`);
  const unpacked = await mkdtemp(join(dir, "files-"));
  const stream = unpackTar(unpacked);
  const over = finished(stream);
  over.catch(() => {});
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve()))),
    end: async () => {
      stream.end();
      await over;
      const manifest = await store.take(unpacked);
      await rm(dir, { recursive: true, force: true });
      if (manifest.digest !== digest)
        throw new BackupFault(
          `The artifact ${digest.slice(0, 12)} in the backup has other files than its digest says.`,
        );
    },
  };
}
