// The build of the test workload: its behaviour is told by behaviour.json, which goes into the artifact with it.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const behaviour = JSON.parse(readFileSync("behaviour.json", "utf8"));
const artifact = process.env.LATCHKEY_ARTIFACT;
appendFileSync("builds.log", `${process.pid}\n`);
while (behaviour.build.startsWith("wait") && !existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
if (behaviour.build === "fail") {
  console.error("error: Unexpected token in app.ts:3");
  process.exit(3);
}
if (behaviour.build !== "nothing") {
  copyFileSync("server.mjs", join(artifact, "server.mjs"));
  writeFileSync(join(artifact, "behaviour.json"), JSON.stringify({ ...behaviour, fault: process.env.LATCHKEY_FAULT }));
  mkdirSync(join(artifact, "public", "assets"), { recursive: true });
  writeFileSync(join(artifact, "public", "assets", "app.js"), `// ${behaviour.version}\n`);
}
if (behaviour.build === "wait-and-mark") writeFileSync(join(artifact, `built-by-${process.pid}.txt`), "");
if (behaviour.build === "link") symlinkSync("/etc/hostname", join(artifact, "link"));
