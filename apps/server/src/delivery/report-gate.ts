import { type GateConfig, gateTimeoutMs } from "@latchkey/api/gates";
import type { ReportFile, Reports } from "@latchkey/core/delivery/gates/evidence-ports";
import { couldNotRun, type GateJudgement } from "@latchkey/core/delivery/gates/judgement";
import type { Builder, CommandResult } from "@latchkey/core/delivery/ports";
import type { Transactions } from "../platform/database.ts";
import { findEvidence } from "./gate-evidence.store.ts";
import { type GateContext, type GateOutcome, type GateRunner, outOfTime } from "./gate-runner.ts";

/** A report that comes is looked at when it comes; this is for the case that another server took it in. */
const ASK_AGAIN_MS = 10_000;

export interface ReportParts {
  readonly builder: Pick<Builder, "gate">;
  readonly database: Transactions;
  readonly reports: Reports;
}

/** What a kind of gate makes of its reports. */
export interface ReportJudge {
  judge(files: readonly ReportFile[], gate: GateConfig, context: GateContext): Promise<GateJudgement>;
  /** True where the tool's exit code has a say beside the report: tests that fail otherwise than by a test. */
  readonly mustExitWell: boolean;
}

/**
 * Judges reports: those that the gate's command has just written, or the one that a pipeline sent for this commit. What
 * lay there before the command ran is no evidence, however good it looks.
 */
export const reportGate = (parts: ReportParts, judge: ReportJudge): GateRunner => ({
  run: (gate, context) =>
    gate.from === "ci" ? fromPipeline(parts, judge, gate, context) : fromCommand(parts, judge, gate, context),
});

async function fromCommand(
  { builder, reports }: ReportParts,
  judge: ReportJudge,
  gate: GateConfig,
  context: GateContext,
): Promise<GateOutcome> {
  const pattern = gate.report ?? "";
  const before = await reports.mark(context.folder, pattern);
  const ran = await builder.gate({
    folder: context.folder,
    command: gate.command ?? [],
    timeoutMs: gateTimeoutMs(gate),
  });
  if (ran.outcome === "timed_out") return { ...outOfTime(gate), output: ran.output };
  if (ran.outcome === "could_not_run")
    return { ...couldNotRun("Its command could not be started."), output: ran.output };
  const written = await reports.writtenSince(context.folder, pattern, before);
  if (!written.ok) return { ...couldNotRun(written.error), output: ran.output };
  if (written.value.length === 0) return { ...couldNotRun(noReport(pattern, before.size, ran)), output: ran.output };
  const judged = await judge.judge(written.value, gate, context);
  if (judge.mustExitWell && ran.outcome === "failed" && judged.status === "passed")
    return {
      ...{ ...judged, status: "failed", output: ran.output },
      words: `Its command ended with exit code ${ran.exitCode}, although its report is good: ${judged.words}`,
    };
  return { ...judged, output: ran.output };
}

function noReport(pattern: string, stale: number, ran: CommandResult): string {
  const ended = `Its command ended with exit code ${ran.exitCode}`;
  return stale > 0
    ? `${ended} and did not write ${pattern}: what lies there is from before, and no evidence.`
    : `${ended} and did not write ${pattern}.`;
}

async function fromPipeline(
  { database }: ReportParts,
  judge: ReportJudge,
  gate: GateConfig,
  context: GateContext,
): Promise<GateOutcome> {
  const { release, service } = context;
  if (!release?.commit_sha) return couldNotRun("The release has no commit, and a pipeline's report is for one.");
  if (release.dirty)
    return couldNotRun(
      "The release has changes that are in no commit, and a pipeline's report is for a commit. Commit them.",
    );
  const of = { project: service.project, service: service.name, commit: release.commit_sha, gate: gate.name };
  const sent = await findEvidence(database.db, of);
  if (!sent)
    return {
      status: "pending",
      words: `A pipeline's report for commit ${release.commit_sha.slice(0, 8)} has not come yet.`,
      askAgainMs: ASK_AGAIN_MS,
    };
  const judged = await judge.judge([{ path: "The report", bytes: Buffer.from(sent.report) }], gate, context);
  const from = sent.url ? [`Sent from ${sent.url}`] : [];
  return { ...judged, details: [...judged.details, ...from, `SHA-256 of the report: ${sent.sha256}`] };
}
