import { ApiError } from "@latchkey/api/client";

/** Exit codes, for CI; `latchkey --help` explains them. */
export const EXIT = { done: 0, error: 1, usage: 2, notDeployed: 3, unreachable: 4, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What this program itself has to say about a failure, in the same form that the API uses. */
export class CliError extends Error {
  readonly code: string;
  readonly title: string;
  readonly remedy: string;
  readonly exitCode: ExitCode;
  constructor(o: { code: string; title: string; detail: string; remedy: string; exitCode?: ExitCode }) {
    super(o.detail);
    this.code = o.code;
    this.title = o.title;
    this.remedy = o.remedy;
    this.exitCode = o.exitCode ?? EXIT.error;
  }
}

export const wrongUse = (detail: string, remedy: string): CliError =>
  new CliError({ code: "LK_CLI_USAGE", title: "This is not how it is used", detail, remedy, exitCode: EXIT.usage });

/** An error as problem details (RFC 9457), with the exit code as an extension. */
export interface ReportedProblem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly requestId: string;
  readonly fields?: readonly { readonly field: string; readonly message: string }[] | undefined;
  readonly exitCode: ExitCode;
}

export function problemFrom(error: unknown, o: { hasToken: boolean }): ReportedProblem {
  if (error instanceof ApiError) {
    const exitCode = error.problem.status === 0 ? EXIT.unreachable : EXIT.error;
    const noToken = error.problem.status === 401 && !o.hasToken;
    const remedy = noToken
      ? "Run this in the folder where `npm start` runs, or set LATCHKEY_TOKEN to an API token (`latchkey tokens create` makes one)."
      : error.problem.remedy;
    return { ...error.problem, remedy, exitCode };
  }
  const made = { type: "about:blank", status: 0, requestId: "" };
  if (error instanceof CliError) {
    const { code, title, message: detail, remedy, exitCode } = error;
    return { ...made, title, code, detail, remedy, exitCode };
  }
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && "mistakes" in error)
    return {
      ...made,
      title: "The configuration has mistakes",
      code: "LK_CLI_CONFIG",
      detail,
      remedy: "Mend them and run this again.",
      exitCode: EXIT.error,
    };
  return { ...made, title: "It did not work", code: "LK_CLI", detail, remedy: "", exitCode: EXIT.error };
}

/** The same for people: what went wrong, which fields, what to do. */
export function problemWords(problem: ReportedProblem): string {
  const fields = (problem.fields ?? []).map((f) => `  ${f.field}: ${f.message}`);
  // Problems of this program need no title: the detail says it all.
  const first = problem.code.startsWith("LK_CLI") ? problem.detail : `${problem.title}. ${problem.detail}`;
  const request = problem.requestId ? `(request ${problem.requestId})` : "";
  return [first, ...fields, problem.remedy, request].filter((line) => line !== "").join("\n");
}
