import pg from "pg";

/** PostgreSQL 15: the oldest whose SQL we use and test. */
const OLDEST = 150_000;

/** Looks at a database that was given by the setting `setting`. Throws a sentence that says what to do; the password is in none. */
export async function checkGivenDatabase(setting: string, url: string): Promise<void> {
  const address = new URL(url);
  const name = decodeURIComponent(address.pathname.slice(1)) || "postgres";
  const where = `${address.hostname}:${address.port || 5432}`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    const found = await client.query<{ server_version_num: string; server_version: string }>(
      "select current_setting('server_version_num') as server_version_num, current_setting('server_version') as server_version",
    );
    const [row] = found.rows;
    if (Number(row?.server_version_num ?? 0) < OLDEST)
      throw new Error(
        `${setting}: the PostgreSQL at ${where} is version ${row?.server_version}; Latchkey needs 15 or newer.`,
      );
  } catch (error) {
    throw new Error(explain(error, { setting, where, name, user: decodeURIComponent(address.username) }));
  } finally {
    await client.end().catch(() => {});
  }
}

function explain(
  error: unknown,
  { setting, where, name, user }: { setting: string; where: string; name: string; user: string },
): string {
  const { code, message } = error as { code?: string; message: string };
  // SQLSTATE class 28: invalid authorisation; 3D000: no such database; 57P03: it is starting.
  if (code?.startsWith("28"))
    return `${setting}: the PostgreSQL at ${where} refused the user "${user}". Check the name and the password.`;
  if (code === "3D000")
    return `${setting}: there is no database "${name}" at ${where}. Create it: createdb -h ${where.replace(/:(\d+)$/, " -p $1")} "${name}"`;
  if (code === "57P03") return `${setting}: the PostgreSQL at ${where} is still starting. Try again in a moment.`;
  if (
    ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH"].includes(code ?? "") ||
    /timeout/i.test(message)
  )
    return `${setting}: no PostgreSQL answers at ${where}. Start it, correct the address, or unset DATABASE_URL to use the embedded one.`;
  return message.startsWith(`${setting}:`) ? message : `${setting}: ${message}`;
}
