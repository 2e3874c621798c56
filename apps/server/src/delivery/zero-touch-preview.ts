import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Answer } from "@latchkey/api/client";
import { gateKind } from "@latchkey/api/gates";
import type { Repositories } from "@latchkey/core/delivery/ports";
import { findEnvironment, type ServiceRow } from "../catalog/index.ts";
import { ProblemError } from "../platform/problems.ts";
import { gatesFor } from "./gate-runner.ts";
import { findRelease } from "./releases.store.ts";
import { lookAtRules, type ZeroTouchParts } from "./zero-touch-gate.ts";

type Preview = Answer<"previewZeroTouch">;
export interface PreviewAsked {
  readonly commit: string;
  readonly environment: string;
  readonly branch?: string | undefined;
}
export type ZeroTouchPreviewer = (service: ServiceRow, asked: PreviewAsked) => Promise<Preview>;

export interface PreviewParts extends ZeroTouchParts {
  readonly repositories: Pick<Repositories, "checkout" | "fetch">;
  /** The whole hash of a commit in a folder's repository; null where it has none such. */
  readonly commitIn: (folder: string, hash: string) => Promise<string | null>;
  readonly nowMs: () => number;
}
interface Found {
  readonly folder: string;
  readonly commit: string;
}
/** A checkout that no deployment needs is removed at any time: then it is made again. */
const TRIES = 3;

/** What the gates of kind `zero_touch` would say of a commit. Nothing is recorded, and nobody is asked. */
export function zeroTouchPreviewer(parts: PreviewParts): ZeroTouchPreviewer {
  return async (service, asked) => {
    const { environment } = asked;
    const place = await findEnvironment(parts.database.db, service.project, service.name, environment);
    if (!place)
      throw new ProblemError("LK_INVALID", {
        detail: `${service.name} has no environment "${environment}".`,
        fields: [{ field: "environment", message: `one of ${service.config.environments.join(", ")}` }],
      });
    const serving = place.serving_release_id ? await findRelease(parts.database.db, place.serving_release_id) : null;
    const since = serving?.commit_sha ?? null;
    for (let tries = 1; ; tries++) {
      const found = await find(parts, service, asked, since);
      const items = await look(parts, service, environment, found);
      const isGone = await access(found.folder).then(
        () => false,
        () => true,
      );
      if (isGone && tries < TRIES) continue;
      const common = { service: service.name, environment, commit: found.commit, since };
      return { ...common, words: wordsOf(service, environment, items), items };
    }
  };
}

async function look(
  parts: PreviewParts,
  service: ServiceRow,
  environment: string,
  { folder, commit }: Found,
): Promise<Preview["items"]> {
  const items: Preview["items"] = [];
  for (const gate of gatesFor(service, environment)) {
    if (gateKind(gate) !== "zero_touch") continue;
    const { decision } = await lookAtRules(parts, gate, {
      deployment: { project: service.project, service: service.name, environment },
      release: { commit_sha: commit, dirty: false, author: "" },
      ...{ folder, nowMs: parts.nowMs() },
    });
    items.push({ gate: gate.name, alone: decision.alone, reasons: [...decision.reasons] });
  }
  return items;
}

function wordsOf(service: ServiceRow, environment: string, items: Preview["items"]): string {
  if (items.length === 0)
    return `${service.name} has no gate of kind zero_touch in ${environment}: nothing asks there whether a change may go alone.`;
  return items.every((item) => item.alone)
    ? "It would go out with nobody watching, as things stand now, once its other gates have passed."
    : "A person would be asked.";
}

/** Where the commit is: the folder that the service was applied from, or else the clone of its repository on GitHub. */
async function find(
  parts: PreviewParts,
  { name, root, config }: ServiceRow,
  { commit: hash, branch }: PreviewAsked,
  since: string | null,
): Promise<Found> {
  const { commitIn, repositories } = parts;
  const here = join(root, config.source);
  const commit = await commitIn(here, hash);
  const knowsSince = since === null || (await commitIn(here, since)) !== null;
  if (commit !== null && (knowsSince || !config.github)) return { folder: here, commit };
  const { github } = config;
  if (!github)
    throw new ProblemError("LK_NOT_FOUND", {
      detail: `There is no commit ${hash} in the repository of ${name}'s folder.`,
      remedy: "Give a commit that is in the repository of the service's folder, on the server's machine.",
    });
  if (hash.length < 40 && commit === null)
    throw new ProblemError("LK_INVALID", {
      detail: `commit: ${hash} is not known here by its first digits.`,
      fields: [{ field: "commit", message: "all 40 digits, as `git rev-parse HEAD` gives them" }],
    });
  const whole = commit ?? hash;
  const id = `look-${whole}`;
  let out = branch === undefined ? await repositories.checkout(github.repository, whole, id) : null;
  if (!out?.ok) {
    const fetched = await repositories.fetch(github.repository, branch ?? github.branch);
    out = fetched.ok ? await repositories.checkout(github.repository, whole, id) : fetched;
  }
  if (!out.ok)
    throw new ProblemError("LK_NOT_FOUND", {
      detail: `There is no commit ${hash.slice(0, 8)} on ${branch ?? github.branch} of ${github.repository}: ${out.error}`,
      remedy: "Push it first; of another branch than the service's, name that: --branch.",
    });
  return { folder: join(out.value, github.path, config.source), commit: whole };
}
