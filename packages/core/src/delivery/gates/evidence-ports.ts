import type { Result } from "../../shared/result.ts";
import type { FindingAges } from "./findings.ts";
import type { GateJudgement } from "./judgement.ts";
import type { ReportTask } from "./reports.ts";
import type { SizedFile } from "./size.ts";
import type { XmlElement } from "./xml-element.ts";

export interface ReportFile {
  /** From the folder that was searched, with slashes. */
  readonly path: string;
  /** As they lie there: whoever reads them has the time for it. */
  readonly bytes: Uint8Array;
}
/** How the files of a pattern stood at a moment, by path. */
export type ReportMark = ReadonlyMap<string, string>;

/** Reports that a gate's command leaves in the service's folder. */
export interface Reports {
  mark(folder: string, pattern: string): Promise<ReportMark>;
  /** The files that are not as they were marked; none where nothing was written since. A sentence where a limit is met. */
  writtenSince(folder: string, pattern: string, mark: ReportMark): Promise<Result<readonly ReportFile[], string>>;
}

/** An XML document's root; what is wrong with it otherwise, to stand after its file's name. */
export type XmlReader = (text: string) => Result<XmlElement, string>;

/**
 * Reads and judges reports of any size and any intent, without holding anybody up. What can't be read, or takes more time
 * or memory than a report may, could not run.
 */
export interface ReportDesk {
  judge(
    task: ReportTask,
    files: readonly ReportFile[],
    agesOf: (keys: readonly string[]) => Promise<FindingAges>,
  ): Promise<GateJudgement>;
  /** Ends what is under way. Its results mean nothing. */
  abort(): void;
}

/** What changed in a folder under version control. */
export interface Differences {
  /**
   * A unified diff without context, from one commit to another (null: to the files as they lie); everything, where `from` is
   * null. Null where nobody can say.
   */
  diff(folder: string, from: string | null, to: string | null): Promise<string | null>;
}

/** Sizes of a release's files. */
export interface Sizes {
  /** Null where the release's files are not here any more. `compresses`: whose compressed size is wanted. */
  sizesOf(digest: string, compresses: (path: string) => boolean): Promise<readonly SizedFile[] | null>;
}

export interface GateQuestion {
  readonly url: string;
  readonly method: "POST" | "PUT";
  /** The same for the same question, asked again or not. */
  readonly id: string;
  readonly timeoutMs: number;
  readonly body: unknown;
}
export type GateReply =
  | { readonly kind: "answer"; readonly status: "passed" | "failed"; readonly words: string }
  | { readonly kind: "later" };

/** Asks other systems. What is no answer, or does not come, is a sentence. */
export interface GateCaller {
  ask(question: GateQuestion): Promise<Result<GateReply, string>>;
  /** Ends what is under way. Its results mean nothing. */
  abort(): void;
}
