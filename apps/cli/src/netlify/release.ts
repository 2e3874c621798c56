import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Site, SiteFunction } from "@latchkey/netlify-runtime/site";
import { placeOf } from "../adoption/findings.ts";
import { readListing } from "../adoption/reading.ts";
import { CliError } from "../problem.ts";
import { type FoundFunction, findFunctions } from "./functions.ts";
import { parseHeaders, parseRedirects } from "./published-files.ts";
import { type NetlifyConfig, PRODUCTION, readNetlifyToml } from "./toml.ts";

export interface ReleaseOptions {
  readonly root: string;
  /** Where the release is written. */
  readonly out: string;
  readonly context: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (words: string) => void;
}

/**
 * Builds a Netlify site into a release: its own build command, its published folder, each function bundled, its redirects
 * and headers, and the server for them. Throws a CliError that names what is missing.
 */
export async function buildRelease(o: ReleaseOptions): Promise<Site> {
  const config = configIn(o.root);
  for (const finding of config.findings) o.say(`${placeOf(finding)}: ${finding.words}`);
  const base = join(o.root, config.base);
  const context = config.contexts[o.context] ?? config.contexts[PRODUCTION];
  const command = context?.command;
  if (command) {
    o.say(`$ ${command}`);
    await runCommand(command, base, buildEnvironment(o, base, context.environment), o.say);
  }
  const published = resolve(o.root, config.base, config.publish ?? ".");
  if (config.publish === null || !existsSync(published) || !statSync(published).isDirectory())
    throw failed(
      config.publish === null
        ? "netlify.toml names no folder to publish."
        : `The build has not written ${config.publish}, which netlify.toml publishes.`,
      'Name it under [build]: publish = "dist".',
    );
  for (const part of ["public", "functions"]) rmSync(join(o.out, part), { recursive: true, force: true });
  mkdirSync(o.out, { recursive: true });
  cpSync(published, join(o.out, "public"), { recursive: true, dereference: true, filter: isPublic });
  const functions = await bundleFunctions(o, config);
  const site: Site = {
    context: o.context,
    redirects: [...parseRedirects(textOf(published, "_redirects")), ...config.redirects],
    headers: [...config.headers, ...parseHeaders(textOf(published, "_headers"))],
    functions,
  };
  writeFileSync(join(o.out, "site.json"), `${JSON.stringify(site, null, 1)}\n`);
  await bundleServer(join(o.out, "server.mjs"));
  return site;
}

/** Where the repository's own folder is published: what no visitor may read. */
const isPublic = (path: string): boolean => !/^(\.git|node_modules|\.env(\..*)?|\.latchkey.*)$/.test(basename(path));

function configIn(root: string): NetlifyConfig {
  const file = join(root, "netlify.toml");
  if (!existsSync(file))
    throw failed(`There is no netlify.toml in ${root}.`, "Run this where it is, or give the folder.");
  const config = readNetlifyToml(readFileSync(file, "utf8"));
  if ("kind" in config) throw failed(`${placeOf(config)}: ${config.words}`, "Mend it; Netlify can't read it either.");
  return config;
}

function buildEnvironment(
  o: ReleaseOptions,
  base: string,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(o.env)) if (value !== undefined) env[name] = value;
  const bins = [join(base, "node_modules", ".bin"), join(o.root, "node_modules", ".bin"), env.PATH ?? ""];
  const path = bins.join(process.platform === "win32" ? ";" : ":");
  return { ...env, ...given, CONTEXT: o.context, CI: "true", PATH: path };
}

function runCommand(
  command: string,
  cwd: string,
  env: Record<string, string>,
  say: (words: string) => void,
): Promise<void> {
  return new Promise((done, reject) => {
    // As Netlify runs it: a line for the shell.
    const child = spawn(command, { cwd, env, shell: true, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part: Buffer) => say(part.toString("utf8").trimEnd()));
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? done() : reject(failed(`The build command ended with ${code}: ${command}`, "Its output is above.")),
    );
  });
}

const BANNER = `import{createRequire as __lkRequire}from'node:module';import{fileURLToPath as __lkPath}from'node:url';const require=__lkRequire(import.meta.url);const __lkFile=__lkPath(import.meta.url);const __lkDir=__lkPath(new URL('.',import.meta.url));`;

async function bundleFunctions(o: ReleaseOptions, config: NetlifyConfig): Promise<SiteFunction[]> {
  const dir = join(config.base, config.functionsDir);
  const found = findFunctions(readListing(o.root, dir), dir);
  for (const { name, file, twins } of found)
    if (twins.length > 0) o.say(`${name}: ${file} is deployed, and ${twins.join(" and ")} is not.`);
  const made: SiteFunction[] = [];
  for (const fn of found) made.push(await bundleFunction(o, fn, config));
  o.say(`${made.length} functions bundled.`);
  return made;
}

async function bundleFunction(o: ReleaseOptions, fn: FoundFunction, config: NetlifyConfig): Promise<SiteFunction> {
  const { build } = await import("esbuild");
  const file = `functions/${fn.name}.mjs`;
  const { metafile } = await build({
    entryPoints: [join(o.root, fn.file)],
    outfile: join(o.out, file),
    absWorkingDir: o.root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: { js: BANNER },
    define: { __dirname: "__lkDir", __filename: "__lkFile" },
    external: [...config.externalModules],
    metafile: true,
    logLevel: "silent",
  }).catch((cause: unknown) => {
    const [first] =
      (cause as { errors?: { text: string; location: { file: string; line: number } | null }[] }).errors ?? [];
    if (!first) throw cause;
    const at = first.location ? `${first.location.file}:${first.location.line}` : fn.file;
    const isMissing = first.text.startsWith("Could not resolve");
    throw failed(
      `${at}: ${first.text}.`,
      isMissing ? "Install it (npm ci), or mend the path." : "Mend it, and build again.",
    );
  });
  const [output] = Object.values(metafile.outputs).filter((out) => out.entryPoint !== undefined);
  const hasConfig = output?.exports.includes("config") ?? false;
  return { name: fn.name, file, isBackground: fn.isBackground, hasConfig };
}

const textOf = (published: string, name: string): string =>
  existsSync(join(published, name)) ? readFileSync(join(published, name), "utf8") : "";

async function bundleServer(outfile: string): Promise<void> {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [runtimeEntry()],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
  });
}

/** The runtime's sources, beside this file's package, built or not. */
function runtimeEntry(): string {
  const path = join("packages", "netlify-runtime", "src", "main.ts");
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir))
    if (existsSync(join(dir, path))) return join(dir, path);
  throw failed("The server for Netlify sites is not here.", "Install Latchkey as a whole, from its repository.");
}

const failed = (detail: string, remedy: string) =>
  new CliError({ code: "LK_CLI_NETLIFY", title: "The site was not built", detail, remedy });
