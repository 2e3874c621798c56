import type { Command } from "commander";
import { countOption } from "./command.ts";
import type { Session } from "./session.ts";

/** Options of commands that list: how many, from where. */
export interface PageOptions {
  readonly limit: string;
  readonly cursor?: string;
  readonly all?: boolean;
}

export const addPageOptions = (command: Command, limit = "20"): Command =>
  command
    .option("--limit <count>", "how many to list, at most 200", limit)
    .option("--cursor <cursor>", "go on where the page before ended")
    .option("--all", "list all, page after page");

interface Page<T> {
  items: T[];
  next: string | null;
}

/** One page, or all of them one after the other. */
export async function readPages<T>(
  options: PageOptions,
  ask: (query: { limit: number; cursor?: string }) => Promise<Page<T>>,
): Promise<Page<T>> {
  const limit = options.all ? 200 : countOption(options.limit, "--limit", 1, 200);
  const items: T[] = [];
  let cursor: string | null | undefined = options.cursor;
  do {
    const page = await ask({ limit, ...(cursor ? { cursor } : {}) });
    items.push(...page.items);
    cursor = page.next;
  } while (options.all && cursor);
  return { items, next: cursor ?? null };
}

/** What to say below a list that goes on. */
export const moreWords = (session: Session, page: Page<unknown>): string =>
  page.next === null ? "" : `\n${session.style.dim(`There are more: add --all, or --cursor ${page.next}`)}`;
