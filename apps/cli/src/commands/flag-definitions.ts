import type { Answer } from "@latchkey/api/client";
import { readPages } from "../pages.ts";
import type { Session } from "../session.ts";

/** What a flag decides: its definition with switches as they are set, and where its rollouts stand. */
export type DecidedFlag = Pick<Answer<"getFlag">, "key" | "isArchived" | "definition" | "rollouts">;

/** All flags of the project with what they decide: archived ones, or those that are answered. 200 come with each question. */
export async function readDefinitions(session: Session, archived: "true" | "false"): Promise<DecidedFlag[]> {
  const params = session.main;
  const { items } = await readPages({ limit: "200", all: true }, (query) =>
    session.client.listFlags({ params, query: { ...query, archived, definitions: "true" } }),
  );
  const flags: DecidedFlag[] = [];
  for (const { key, isArchived, definition, rollouts } of items)
    flags.push(
      definition && rollouts
        ? { key, isArchived, definition, rollouts }
        : // A server older than this command line lists no definitions.
          await session.client.getFlag({ params: { ...params, flag: key } }),
    );
  return flags;
}
