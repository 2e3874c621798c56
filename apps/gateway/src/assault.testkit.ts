import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import fc from "fast-check";
import { malformed } from "./malformed.testkit.ts";
import type { RawUpstream } from "./raw-upstream.testkit.ts";

/** Sends malformed messages to a gateway of this process, and holds what it handled against what reached the release. */
export interface Assault {
  readonly messages: number;
  /** Requests that reached the release and were answered. */
  readonly passed: number;
  readonly refused: number;
  /** What should not be so, with the message. */
  readonly wrong: readonly string[];
}
const SHOWN = 700;
/** Events of a request that was read, of each kind: an upgrade is told of by no other. */
const READ = ["request", "checkContinue", "upgrade"] as const;

export async function assault(o: {
  readonly port: number;
  readonly server: Server;
  readonly upstream: RawUpstream;
  readonly messages: number;
  readonly seed: number;
  /** Connections at a time: many only wait for the gateway to let them go. */
  readonly lanes: number;
}): Promise<Assault> {
  const handled = new Map<string, number>();
  const onRead = ({ url = "" }: IncomingMessage) => handled.set(url, (handled.get(url) ?? 0) + 1);
  const wrong: string[] = [];
  let [passed, refused] = [0, 0];
  for (const event of READ) o.server.on(event, onRead);
  try {
    const cases = fc
      .sample(malformed, { numRuns: o.messages, seed: o.seed })
      .map((one, i) => ({ ...one, id: `m${i}` }));
    const left = [...cases].reverse();
    const one = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        const text = next.text.replaceAll("ID", next.id);
        const answer = await sendRaw(o.port, text);
        const fault = faultOf(answer, targetsOf(o.upstream, next.id));
        passed += targetsOf(o.upstream, next.id).length;
        if (/^HTTP\/1\.1 4/m.test(answer)) refused += 1;
        if (fault)
          wrong.push(
            `${fault}: ${next.what.join(", ")}: ${JSON.stringify(text.slice(0, SHOWN))} -> ${answer.slice(0, SHOWN)}`,
          );
      }
    };
    await Promise.all(Array.from({ length: o.lanes }, one));
  } finally {
    for (const event of READ) o.server.off(event, onRead);
  }
  const arrived = new Map<string, number>();
  for (const { target } of o.upstream.arrived) arrived.set(target, (arrived.get(target) ?? 0) + 1);
  for (const [target, n] of arrived) {
    const known = handled.get(target) ?? 0;
    if (n > known) wrong.push(`the release saw ${target} ${n} times, the gateway ${known}`);
  }
  return { messages: o.messages, passed, refused, wrong: [...wrong, ...o.upstream.faults] };
}

const targetsOf = (upstream: RawUpstream, id: string): string[] =>
  upstream.arrived.map(({ target }) => target).filter((target) => target.includes(`/${id}-`));

/** Sends bytes as they are and resolves with all that came back until the gateway closed. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      answer += part;
    });
    socket.on("error", () => {}).on("close", () => done(answer));
    socket.write(text, "latin1");
  });
}

/** The release answers with the target that it saw: answers and arrivals must be the same, in the same order. */
function faultOf(answer: string, arrived: readonly string[]): string | null {
  const statuses = [...answer.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map((match) => Number(match[1]));
  const bad = statuses.find((status) => status >= 500 && status !== 505);
  if (bad !== undefined) return `it was answered with ${bad}`;
  const answered = statuses.filter((status) => status === 200).length;
  if (answered > arrived.length) return `${answered} answers of ${arrived.length} requests`;
  // What is malformed behind a request may cost that one its answer, and nothing else may.
  const isCutOff = statuses.at(-1) !== 200 || statuses.length === 0;
  if (answered < arrived.length && !isCutOff) return `${arrived.length} requests, ${answered} answers`;
  return null;
}
