import { isAllowed } from "@latchkey/core/security/authorisation";
import fc from "fast-check";
import { faultsOf } from "./answers.ts";
import { type Case, caseOf, casesOf, validCaseOf } from "./cases.ts";
import type { Operation } from "./description.ts";
import { bearer, type Credential, FOREIGN_PAGE, type Furnished, OTHER_PROJECT, role } from "./ground.ts";
import { type Answer, Line } from "./line.ts";
import { messageOf } from "./message.ts";
import { changesBetween, stateOf } from "./untouched.ts";

/** Sends cases to an installation and keeps count of what came back. */
export interface Finding {
  readonly operation: string;
  readonly what: string;
  readonly message: string;
  readonly faults: readonly string[];
  /** Requests with the same first fault. */
  count: number;
}
export interface Tally {
  requests: number;
  valid: number;
  validTaken: number;
  serverErrors: number;
  insides: number;
  readonly asked: Map<string, number>;
  readonly taken: Map<string, number>;
  readonly findings: Finding[];
}
/** Faults that begin alike are one finding. */
const ALIKE = 50;
/** Cases are made this many at a time, so that 100,000 need not lie in memory. */
const BATCH = 500;
const SHOWN = 300;
/** An address that asks as nobody may do so 60 times at once: fewer, so that what is refused is refused for what it asks. */
const PER_ADDRESS = 25;

export class Campaign {
  readonly #scene: Furnished;
  readonly #seed: number;
  #addresses = 0;
  readonly tally: Tally = {
    ...{ requests: 0, valid: 0, validTaken: 0, serverErrors: 0, insides: 0 },
    ...{ asked: new Map(), taken: new Map(), findings: [] },
  };

  constructor(scene: Furnished, seed: number) {
    this.#scene = scene;
    this.#seed = seed;
  }

  /** So many requests of all operations and kinds, by who may ask for them mostly; several at once. */
  async authorised(runs: number, lanes: number, stopped: () => boolean = () => false): Promise<void> {
    const arbitrary = fc.tuple(casesOf(this.#scene.operations), fc.nat(11));
    for (let done = 0; done < runs && !stopped(); done += BATCH) {
      const cases = fc.sample(arbitrary, { numRuns: Math.min(BATCH, runs - done), seed: this.#seed + done });
      await this.#inLanes(cases, lanes, async (line, [one, chance]) => {
        const answer = await this.#send(line, one, await this.#credentialFor(one.operation, chance));
        this.#judge(one, answer, faultsOf(one.operation, answer));
      });
    }
  }

  /** Asks validly, by who may, for what no random request has got through to so far. */
  async getThrough(tries: number): Promise<void> {
    const { operations } = this.#scene;
    await this.#scene.configure();
    for (let n = 0; n < tries; n++) {
      const left = operations.filter(({ id }) => !this.tally.taken.has(id));
      const cases = left.flatMap((operation, i) =>
        fc.sample(validCaseOf(operation), { numRuns: 1, seed: this.#seed + n * operations.length + i }),
      );
      await this.#inLanes(cases, 1, async (line, one) => {
        const answer = await this.#send(line, one, await this.#credentialFor(one.operation, 1));
        this.#judge(one, answer, faultsOf(one.operation, answer));
      });
    }
  }

  /**
   * Requests by those who may not, for every operation with every bad credential at least once; answers what they
   * changed. The controllers must rest meanwhile.
   */
  async unauthorised(runs: number, lanes: number): Promise<string[]> {
    const { operations, ground } = this.#scene;
    const bad = await this.#scene.badCredentials();
    const before = await stateOf(ground.db, ground.dir);
    const pairs = operations.flatMap((operation) =>
      Object.entries(bad)
        .filter(([what]) => isBadFor(what, operation))
        .map(([what, credential]) => ({ operation, what, credential })),
    );
    const rounds = Math.max(1, Math.ceil(runs / pairs.length));
    for (let round = 0; round < rounds; round++) {
      const cases = pairs.map(({ operation, what, credential }, i) => {
        const arbitrary = round === 0 ? validCaseOf(operation) : caseOf(operation);
        const [one] = fc.sample(arbitrary, { numRuns: 1, seed: this.#seed + round * pairs.length + i });
        const { trick, ...plain } = one as Case;
        // A page can't choose the Host that it is asked by, or any other header that would make it one of ours.
        return { one: what === FOREIGN_PAGE || !trick ? plain : { ...plain, trick }, what, credential };
      });
      await this.#inLanes(cases, lanes, async (line, { one, what, credential }) => {
        const answer = await this.#send(line, one, credential);
        const faults = faultsOf(one.operation, answer);
        if (answer.status < 400) faults.push(`it was answered with ${answer.status}`);
        if (one.kind === "valid" && one.operation.needsCredential && ![401, 403].includes(answer.status))
          faults.push(`neither 401 nor 403 but ${answer.status}`);
        this.#judge({ ...one, what: `${what}; ${one.what}` }, answer, faults);
      });
    }
    return changesBetween(before, await stateOf(ground.db, ground.dir));
  }

  /** Linux has all of 127.0.0.0/8; elsewhere there is one address. */
  #nextAddress(): string {
    this.#addresses += 1;
    const n = this.#addresses;
    return process.platform === "linux" ? `127.${1 + ((n >> 16) % 250)}.${(n >> 8) & 255}.${n & 255}` : "127.0.0.1";
  }

  async #inLanes<T>(cases: readonly T[], lanes: number, run: (line: Line, one: T) => Promise<void>): Promise<void> {
    const port = Number(new URL(this.#scene.ground.url).port);
    const left = [...cases].reverse();
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        while (left.length > 0) {
          const line = new Line(port, this.#nextAddress());
          for (const one of left.splice(-PER_ADDRESS).reverse()) await run(line, one);
          line.close();
        }
      }),
    );
  }

  /** Mostly somebody who may; a twelfth of the time a viewer, who mostly may not. */
  async #credentialFor(operation: Operation, chance: number): Promise<Credential> {
    const { secrets, ground } = this.#scene;
    if (!operation.needsCredential) return [];
    // Whoever signs out is out: somebody who is needed no more.
    if (operation.id === "signOut")
      return bearer((await ground.owner.createToken({ body: { name: "spare", role: "owner" } })).secret);
    if (operation.action === "gateway.serve") return bearer(secrets.gateway);
    return bearer(chance === 0 ? secrets.viewer : secrets.owner);
  }

  async #send(line: Line, one: Case, credential: Credential): Promise<Answer & { readonly message: string }> {
    const host = new URL(this.#scene.ground.url).host;
    const { existing } = this.#scene;
    const named: (string | number)[] = [];
    const message = messageOf(one, credential, host, (of) => {
      const value = existing.resolve(of);
      if (of.kind !== "service") named.push(value);
      return value;
    });
    const answer = await line
      .ask(message.bytes)
      .catch((error: unknown) => ({ status: 0, headers: {}, text: String(error) }));
    // What is gone would only be missed, more and more often.
    if (one.operation.method === "DELETE" && answer.status === 204) for (const value of named) existing.forget(value);
    // What the server reads as one request or two need not be what was meant as one: the next begins anew.
    if (one.trick) line.close();
    return { ...answer, message: `${message.words.slice(0, SHOWN)} ${message.body.slice(0, SHOWN)}`.trim() };
  }

  #judge(one: Case, answer: Answer & { readonly message: string }, faults: readonly string[]): void {
    const { tally } = this;
    const { id } = one.operation;
    tally.requests += 1;
    const isTaken = answer.status >= 200 && answer.status < 300;
    if (one.kind === "valid") tally.valid += 1;
    if (one.kind === "valid" && isTaken) tally.validTaken += 1;
    tally.asked.set(id, (tally.asked.get(id) ?? 0) + 1);
    if (isTaken) tally.taken.set(id, (tally.taken.get(id) ?? 0) + 1);
    if (answer.status >= 500 || answer.status === 0) tally.serverErrors += 1;
    if (faults.some((words) => words.startsWith("the problem holds"))) tally.insides += 1;
    if (faults.length > 0) this.#note({ operation: id, what: one.what, message: answer.message, faults, count: 1 });
    if (isTaken && answer.text !== "") this.#scene.existing.learn(JSON.parse(answer.text));
  }

  #note(finding: Finding): void {
    const first = (of: Finding) => of.operation + (of.faults[0] ?? "").slice(0, ALIKE);
    const known = this.tally.findings.find((other) => first(other) === first(finding));
    if (known) known.count += 1;
    else this.tally.findings.push(finding);
  }
}

/** Whether a credential lets nobody do this. */
function isBadFor(what: string, operation: Operation): boolean {
  if (!operation.needsCredential) return what === "none";
  if (what === FOREIGN_PAGE) return operation.method !== "GET";
  if (what === OTHER_PROJECT) return operation.path.includes("{project}");
  const named = (["owner", "viewer", "gateway"] as const).find((name) => what === role(name));
  return named === undefined || !isAllowed(named, operation.action, "main", "main");
}
