import { createHash } from "node:crypto";
import type { Evaluated, FlagSet } from "@latchkey/core/flags/compile";
import type { EvaluationContext, Flag } from "@latchkey/core/flags/model";

/** What a flag answered, as it goes over the wire (OFREP 0.3). */
export interface WrittenAnswer {
  readonly text: string;
  readonly bytes: Buffer;
  /** 64 bits of its SHA-256: what stands for it where answers are compared. */
  readonly mark: readonly [number, number];
}

/** There is one object for each answer of a flag, so it is written once. */
export function writtenOf(set: FlagSet, key: string, found: Evaluated): WrittenAnswer {
  const known = written.get(found);
  if (known !== undefined) return known;
  const text = JSON.stringify({ key, ...(found.errorCode ? failureOf(found) : successOf(found, set.metadata(key))) });
  const digest = createHash("sha256").update(text).digest();
  const made = { text, bytes: Buffer.from(text), mark: [digest.readUInt32LE(0), digest.readUInt32LE(4)] } as const;
  written.set(found, made);
  return made;
}
const written = new WeakMap<Evaluated, WrittenAnswer>();

/** Without a variant there is no value either: the one in the code holds (OFREP, code default). */
const successOf = ({ value, variant, reason, rule }: Evaluated, own: Flag["metadata"]) => ({
  ...(variant === null ? { reason } : { value, reason, variant }),
  ...(rule === null && !own ? {} : { metadata: { ...own, ...(rule === null ? {} : { rule }) } }),
});
export const failureOf = ({ errorCode, errorMessage }: Evaluated) => ({
  errorCode,
  ...(errorMessage ? { errorDetails: errorMessage } : {}),
});

export interface AllAnswers {
  /** Equal where every flag answered the same, of any server that knows the same flags. */
  readonly etag: string;
  /** The body; made only when it is asked for: who has it already is sent none. */
  body(eventStreams: string): Buffer;
}
const HEAD = Buffer.from('{"flags":[');
const COMMA = ",".charCodeAt(0);

/** All flags for one context. Marks are hashed, not texts: of a thousand flags those are 8 kB, and texts a hundred. */
export function answerAll(
  set: FlagSet,
  keys: readonly string[],
  context: EvaluationContext,
  nowMs: number,
): AllAnswers {
  const all: WrittenAnswer[] = [];
  const marks = new Uint32Array(keys.length * 2);
  let length = 0;
  for (const key of keys) {
    const one = writtenOf(set, key, set.evaluate(key, context, nowMs));
    marks.set(one.mark, all.length * 2);
    all.push(one);
    length += one.bytes.length + 1;
  }
  return {
    etag: `"${createHash("sha1").update(marks).digest("base64url")}"`,
    body: (eventStreams) => {
      const tail = Buffer.from(`],"eventStreams":${eventStreams}}`);
      const bytes = Buffer.allocUnsafe(HEAD.length + length + tail.length);
      let at = HEAD.copy(bytes);
      for (const one of all) {
        bytes.set(one.bytes, at);
        at += one.bytes.length;
        bytes[at++] = COMMA;
      }
      // The last one has no comma behind it.
      if (all.length > 0) at -= 1;
      at += tail.copy(bytes, at);
      return bytes.subarray(0, at);
    },
  };
}
