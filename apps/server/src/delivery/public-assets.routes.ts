import type { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import type { Database } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { findRelease } from "./releases.store.ts";

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  woff2: "font/woff2",
  json: "application/json",
  map: "application/json",
};

/**
 * `/artifacts/<release>/<path>`: the public files of a release, also when it no longer runs. The gateways ask here
 * with their own token, for the hashed assets of pages that are still open. Only files of `public/`.
 */
export function registerPublicAssets(http: Http, o: { database: Database; artifacts: ArtifactStore }): void {
  http.get<{ Params: { releaseId: string; "*": string } }>("/artifacts/:releaseId/*", async (request, reply) => {
    await authorise(http, request, "gateway.serve");
    const release = await findRelease(o.database.db, request.params.releaseId);
    const path = request.params["*"];
    const type = TYPES[path.slice(path.lastIndexOf(".") + 1)];
    const file = release && type ? await o.artifacts.publicFile(release.digest, path) : null;
    if (!file) return reply.code(404).send();
    return reply
      .header("content-type", type)
      .header("cache-control", "public, max-age=31536000, immutable")
      .header("x-content-type-options", "nosniff")
      .send(file.body);
  });
}
