import type { Result } from "../../shared/result.ts";
import type { SizedFile } from "./size.ts";
import type { XmlElement } from "./xml-element.ts";

export interface ReportFile {
  /** From the folder that was searched, with slashes. */
  readonly path: string;
  readonly text: string;
}
/** How the files of a pattern stood at a moment, by path. */
export type ReportMark = ReadonlyMap<string, string>;

/** Reports that a gate's command leaves in the service's folder. */
export interface Reports {
  mark(folder: string, pattern: string): Promise<ReportMark>;
  /** The files that are not as they were marked; none where nothing was written since. A sentence where a limit is met. */
  writtenSince(folder: string, pattern: string, mark: ReportMark): Promise<Result<readonly ReportFile[], string>>;
  /** An XML document's root; what is wrong with it otherwise, to stand after its file's name. */
  readXml(text: string): Result<XmlElement, string>;
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
