import type { DatabaseTrouble, TroubleKind } from "@latchkey/core/delivery/migrations/ports";
import pg from "pg";

const CONNECT_TIMEOUT_MS = 5_000;

/** A connection to a workload's database for as long as `work` takes. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A connection that ends between two questions is told by the next one.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

const codeOf = (error: unknown): string => {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
};

/** Lock not available, deadlock, serialisation failure: rolled back, and another try may succeed. */
const ROLLED_BACK = new Set(["55P03", "40P01", "40001"]);
export const isRolledBack = (error: unknown): boolean => ROLLED_BACK.has(codeOf(error));
/** The server ended the connection, or ends itself (class 57P). */
export const isConnectionGone = (error: unknown): boolean => codeOf(error).startsWith("57P");
/** Nobody answers, it starts or stops, or all its connections are taken: that passes by itself. */
const isUnreachable = (error: unknown): boolean =>
  isConnectionGone(error) ||
  codeOf(error) === "53300" ||
  !(error instanceof pg.DatabaseError || error instanceof RangeError);
/** Whether the same question may be answered a little later. A name that is not known is a mistake in the address. */
export const mayPass = (error: unknown): boolean =>
  isRolledBack(error) || (isUnreachable(error) && !["ENOTFOUND", "ERR_INVALID_URL"].includes(codeOf(error)));

/** What is wrong, for a person: with where the database is and who asked, without the password. */
export function troubleOf(error: unknown, url: string): DatabaseTrouble {
  const said = (error instanceof Error ? error.message : String(error)) || codeOf(error);
  const { where, user, name } = placeOf(url);
  const code = codeOf(error);
  const say = (kind: TroubleKind, words: string): DatabaseTrouble => ({ kind, words });
  if (code === "ERR_INVALID_URL" || where === null)
    return say("refused", "The database's URL can't be read. It looks like postgresql://user:password@host:5432/name.");
  if (code === "28P01" || code === "28000")
    return say(
      "refused",
      `The database at ${where} refuses the user ${user}: ${said}. Mend the URL, or the user's rights.`,
    );
  if (code === "3D000") return say("refused", `There is no database ${name} at ${where}. Make it, or mend the URL.`);
  if (code === "42501")
    return say("no_rights", `The user ${user} may not do this: ${said}. Migrate as the owner of the tables.`);
  if (ROLLED_BACK.has(code))
    return say("locked", `Somebody else holds what it needs: ${said}. Who that is, pg_stat_activity shows.`);
  if (code === "57014")
    return say("too_slow", `It took too long: ${said}. Make it smaller, or give the gate a longer timeoutMs.`);
  if (isUnreachable(error))
    return say(
      "unreachable",
      `The database at ${where} can't be reached: ${said}. Look whether it runs, and whether this server may connect.`,
    );
  return say("failed", said);
}

/** The same, once it was tried so often. */
export const afterTries = ({ kind, words }: DatabaseTrouble, tries: number): DatabaseTrouble => ({
  kind,
  words: `${words} It was tried ${tries} times.`,
});

function placeOf(url: string): { readonly where: string | null; readonly user: string; readonly name: string } {
  try {
    const { host, username, pathname } = new URL(url);
    return {
      where: host || "its socket",
      user: decodeURIComponent(username),
      name: decodeURIComponent(pathname.slice(1)),
    };
  } catch {
    return { where: null, user: "", name: "" };
  }
}
