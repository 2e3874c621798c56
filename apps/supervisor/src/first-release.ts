import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { programs, type Settings } from "./settings.ts";
import type { Progress, Steps } from "./step.ts";

const APPLY_MS = 60_000;
const SHIP_MS = 600_000;

interface Service {
  readonly name: string;
  readonly environments: { serving: unknown; deployment: { finishedAt: string | null } | null }[];
}

const cli = (s: Settings, steps: Steps, args: string[], timeoutMs: number) =>
  steps.run([programs(s.root).cli, ...args], { cwd: s.root, env: s.env, timeoutMs });

/** The services of latchkey.config.ts, written to the server; false when they could not be, which is said. */
export async function applyServices(s: Settings, steps: Steps, progress: Progress): Promise<boolean> {
  const applied = await cli(s, steps, ["apply", "--yes"], APPLY_MS);
  if (!applied.ok) progress.say(applied.output.trim());
  return applied.ok;
}

/** The flags of flags/, where there is such a folder: before the first release, which asks for them. What people took over stays theirs. */
export async function applyFlags(s: Settings, steps: Steps, progress: Progress): Promise<void> {
  if (!existsSync(join(s.root, "flags"))) return;
  const applied = await cli(s, steps, ["flags", "apply", "--yes", "--if-own"], APPLY_MS);
  if (!applied.ok) progress.say(applied.output.trim());
}

/** Release 1 of each service that serves nothing yet. Says why where it does not come up. */
export async function firstReleases(s: Settings, steps: Steps, progress: Progress): Promise<void> {
  for (const service of await services(s)) {
    const busy = service.environments.some((e) => e.deployment && e.deployment.finishedAt === null);
    if (busy || service.environments.some((e) => e.serving)) continue;
    const { name } = service;
    const args = ["ship", name, "--strategy", "all_at_once", "--wait", "--reason", "first release"];
    const words = [`Building, checking and starting release 1 of ${name}`, `Release 1 of ${name} is up`] as const;
    const shipped = await progress.step(...words, () => cli(s, steps, args, SHIP_MS));
    if (!shipped.ok)
      progress.say(
        `${shipped.output.trim()}\nRelease 1 of ${name} did not come up; \`npx latchkey deployments\` says why.`,
      );
  }
}

async function services(s: Settings): Promise<Service[]> {
  const token = readFileSync(join(s.dir, "cli.token"), "utf8").trim();
  const answer = await fetch(`${s.url}/api/v1/projects/main/services`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  return ((await answer.json()) as { items: Service[] }).items;
}
