import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { evidenceSvg } from "@latchkey/core/analysis/evidence-svg";
import { CliError } from "./problem.ts";
import type { Session } from "./session.ts";

/** Writes a rollout's evidence over time as an SVG file. */
export async function writeEvidencePicture(session: Session, rolloutId: string, name: string): Promise<void> {
  const params = { ...session.main, rolloutId };
  const [rollout, looks] = await Promise.all([
    session.client.getRollout({ params }),
    session.client.listLooks({ params }),
  ]);
  const began = Date.parse(rollout.startedAt);
  const svg = evidenceSvg({
    title: `Release ${rollout.canary.number} of ${rollout.service} in ${rollout.environment}: ${rollout.state.replaceAll("_", " ")}`,
    words: rollout.report?.reasons ?? [],
    effects: (rollout.report?.metrics ?? []).flatMap((m) => (m.effect?.words ? [m.effect.words] : [])),
    lnHarmThreshold: rollout.report?.lnHarmThreshold ?? Math.log(100),
    lnSafeThreshold: rollout.report?.lnSafeThreshold ?? Math.log(20),
    looks: looks.items,
    decisions: rollout.decisions.map((d) => ({ atMs: Date.parse(d.at) - began, words: d.words })),
    nameOf: (metric) => metric.replaceAll("_", " "),
  });
  const file = resolve(session.terminal.cwd, name);
  try {
    writeFileSync(file, svg);
  } catch (cause) {
    throw new CliError({
      code: "LK_CLI_EXPORT",
      title: "The picture was not written",
      detail: `${file}: ${cause instanceof Error ? cause.message : "no reason given"}.`,
      remedy: "Name a file in a folder that is there and may be written to.",
    });
  }
}
