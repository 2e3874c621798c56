import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What a thread runs: a file, or its text. */
export type WorkerCode = { readonly file: URL } | { readonly text: string };

/**
 * The thread's code: a file beside the server's where it was built, otherwise bundled from the sources, which Node 20 can't
 * run by itself.
 */
export async function reportWorkerCode(): Promise<WorkerCode> {
  const file = new URL("./report-worker.mjs", import.meta.url);
  if (existsSync(file)) return { file };
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./worker.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
  });
  return { text: outputFiles[0]?.text ?? "" };
}
