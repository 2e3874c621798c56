import { counted, type GateFigure, type GateJudgement, judgeFigures } from "./judgement.ts";

export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A weakness that a scanner reported. */
export interface Finding {
  /** The same for the same weakness from run to run. */
  readonly key: string;
  readonly tool: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  /** Path and line; "" where the scanner gives none. */
  readonly place: string;
}

/** How many hours a finding of each severity may stand before it stops a release: 0 at once, null never. */
export type FindingPolicy = Readonly<Record<Severity, number | null>>;

/** What the guide asks: nothing critical at all, everything else that is grave mended within 24 hours. */
export const GUIDE_FINDING_POLICY: FindingPolicy = { critical: 0, high: 24, medium: null, low: null };

/** Since when findings are known. */
export interface FindingAges {
  /** When each key was first reported, by the same clock as `nowMs`. */
  readonly firstSeenMs: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

const HOUR_MS = 3_600_000;

/**
 * Passes when no finding is older than its severity allows. What was never seen before is seen now: its age is 0.
 *
 * @param firstSeenMs when each key was first reported, by the same clock as `nowMs`
 */
export function judgeFindings(
  findings: readonly Finding[],
  policy: FindingPolicy,
  firstSeenMs: ReadonlyMap<string, number>,
  nowMs: number,
): GateJudgement {
  const figures: GateFigure[] = [];
  const why: string[] = [];
  const details: string[] = [];
  for (const severity of SEVERITIES) {
    const limit = policy[severity];
    const all = findings.filter((finding) => finding.severity === severity);
    const isLate = ({ key }: Finding): boolean =>
      limit !== null && nowMs - (firstSeenMs.get(key) ?? nowMs) >= limit * HOUR_MS;
    const late = all.filter(isLate);
    figures.push({
      name: severity,
      value: all.length,
      unit: "count",
      limit: limit === 0 ? 0 : null,
      holds: late.length === 0,
    });
    if (late.length > 0)
      why.push(
        limit === 0
          ? `${counted(late.length, `${severity} finding`)}; none may be.`
          : `${counted(late.length, `${severity} finding`)} older than ${limit} hours.`,
      );
    details.push(...[...late, ...all.filter((finding) => !isLate(finding))].map(describe));
  }
  const passed =
    findings.length === 0 ? "Nothing was found." : `${counted(findings.length, "finding")}, none that stops a release.`;
  return judgeFigures(figures, passed, why, details);
}

const describe = ({ severity, tool, rule, message, place }: Finding): string =>
  `${severity}: ${tool} ${rule}${place ? ` at ${place}` : ""}: ${message}`;
