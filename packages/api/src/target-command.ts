import { z } from "zod";

const words = z
  .array(z.string().min(1).max(500))
  .min(1)
  .max(40)
  .refine(
    ([program = ""]) => program.startsWith("/") || !program.includes("/"),
    'the first word is an absolute path, or a program that is found in PATH, such as ["bash", "/srv/targets/ecs.sh", "prepare"]',
  );
/** Ours: a script for a provider has no business with them. */
const OURS = /^(LATCHKEY_.*|DATABASE_URL|PG[A-Z]+)$/;
const variable = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,99}$/, "the name of a variable, in capitals")
  .refine((name) => !OURS.test(name), "this server's own settings are not handed on");
const limit = (usual: number, most: number) => z.int().min(1_000).max(most).default(usual);

/** Scripts that run releases, and may split the traffic. Each gets JSON and answers JSON: docs/guides/command-target.md. */
export const Command = z
  .strictObject({
    kind: z.literal("command"),
    /** Brings a release up without visitors, and answers where it is. */
    prepare: words,
    /** Ends it. */
    retire: words,
    /** Splits the traffic; left out, Latchkey's gateway does. */
    route: words.optional(),
    /** Says how many requests each release got: nobody can judge a release by a `route` that does not. */
    counts: words.optional(),
    prepareTimeoutMs: limit(600_000, 3_600_000),
    routeTimeoutMs: limit(60_000, 600_000),
    retireTimeoutMs: limit(300_000, 3_600_000),
    countsTimeoutMs: limit(10_000, 60_000),
    /** Variables of the server that the scripts get along, by name: their values are in no configuration. */
    environmentVariables: z.array(variable).max(40).default([]),
  })
  .superRefine((given, context) => {
    if ((given.route === undefined) === (given.counts === undefined)) return;
    const [here, other] = given.route === undefined ? ["counts", "route"] : ["route", "counts"];
    const message = `needs ${other} as well: who splits the traffic also says what came of it. Add ${other}, or leave both out and Latchkey's gateway splits.`;
    context.addIssue({ code: "custom", path: [here ?? ""], message });
  });
export type CommandTarget = z.infer<typeof Command>;
