#!/usr/bin/env node
// `npx latchkey`: the command line, built when it is missing.
import { existsSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./install.mjs";

// Node 22 and newer keep the compiled program over runs.
module.enableCompileCache?.();
const main = join(ROOT, "apps", "cli", "dist", "main.mjs");
if (!existsSync(main)) {
  // Standard output belongs to the command's answer.
  console.log = console.error;
  const { buildAll } = await import("./build.mjs");
  await buildAll(["cli"]);
}
await import(pathToFileURL(main).href);
