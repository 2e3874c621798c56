#!/usr/bin/env node
// `npx latchkey`: the command line, built when it is missing.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./install.mjs";

const main = join(ROOT, "apps", "cli", "dist", "main.mjs");
if (!existsSync(main)) {
  const { buildAll } = await import("./build.mjs");
  await buildAll(["cli"]);
}
await import(pathToFileURL(main).href);
