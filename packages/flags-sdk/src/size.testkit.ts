import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** What of the SDK a page loads: bytes after bundling, minifying and gzip. What the page has anyway (React) is not counted. */
export async function pageBytes(
  entry: "web" | "react" | "openfeature-web",
  sources = import.meta.dirname,
): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [join(sources, `${entry}.ts`)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
    external: ["react", "@openfeature/web-sdk"],
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`${entry} was not built.`);
  return gzipSync(file.contents, { level: 9 }).length;
}
