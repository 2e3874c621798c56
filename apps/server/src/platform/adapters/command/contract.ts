import { err, ok, type Result } from "@latchkey/core/shared/result";
import { z } from "zod";

/** Of what scripts are given and answer. It grows only when a script that was right would be wrong. */
export const CONTRACT_VERSION = 1;
/** A script that serves something newer than it was asked for. */
export const EXIT_OLDER = 3;

const version = z.literal(CONTRACT_VERSION);
const generation = z.strictObject({ epoch: z.int().min(0), n: z.int().min(0) });
const upstream = z
  .string()
  .max(500)
  .regex(/^https?:\/\/[^/?#\s@]+$/, 'an address without a path, such as "https://new.shop.example"');
const count = z.int().min(0);

export const Prepared = z.strictObject({
  version,
  upstreams: z.array(upstream).min(1).max(20),
  remark: z.string().max(300).optional(),
});
export const Retired = z.strictObject({ version });
export const Routed = z.strictObject({ version, generation, notes: z.array(z.string().max(300)).max(10).default([]) });
export const Counted = z.strictObject({
  version,
  /** Another one means that all counts began again at 0. */
  boot: z.string().min(1).max(100),
  arms: z
    .array(
      z
        .strictObject({ generation, releaseId: z.string().min(1).max(100), requests: count, errors: count })
        .refine((arm) => arm.errors <= arm.requests, { path: ["errors"], message: "more than there were requests" }),
    )
    .max(100),
});
export type Counted = z.infer<typeof Counted>;

/** A script's answer, or what is wrong with it: the line, or the field. */
export function readAnswer<T>(call: string, shape: z.ZodType<T>, text: string): Result<T, string> {
  let given: unknown;
  if (text.trim() === "") return err(`${call} answered nothing on its standard output: it answers JSON.`);
  try {
    given = JSON.parse(text);
  } catch (error) {
    return err(
      `${call}'s answer is not JSON, ${placeOf(text, error as Error)}: standard output is for the answer alone, progress goes to standard error.`,
    );
  }
  const read = shape.safeParse(given);
  if (read.success) return ok(read.data);
  const [issue] = read.error.issues;
  const field = issue?.path.join(".") ?? "";
  return err(`${call}'s answer${field === "" ? "" : `, field ${field}`}: ${issue?.message ?? "is not as agreed"}.`);
}

function placeOf(text: string, error: Error): string {
  const at = Number(/position (\d+)/.exec(error.message)?.[1] ?? Number.NaN);
  const before = Number.isNaN(at) ? text : text.slice(0, at);
  const line = before.split("\n").length;
  return `line ${line} ("${(text.split("\n")[line - 1] ?? "").slice(0, 60)}")`;
}
