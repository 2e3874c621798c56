import { createHmac, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";

/** Deliveries as GitHub makes them. */
export const SECRET = "the webhook's secret of the bench";
export interface Delivery {
  readonly id: string;
  readonly event: string;
  readonly body: string;
}
export const delivery = (event: string, payload: unknown): Delivery => ({
  id: randomUUID(),
  event,
  body: JSON.stringify(payload),
});

const CONNECTIONS = 64;
const ANSWER_WITHIN_MS = 10_000;

/** Delivers over connections that stay open, as GitHub's do. */
export class Deliverer {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  constructor(url: string) {
    this.#url = `${url}/hooks/github`;
  }

  /** The answer's status and what it says; null where none came. */
  send({ id, event, body }: Delivery): Promise<{ readonly status: number; readonly stored: boolean } | null> {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "x-github-delivery": id,
      "x-github-event": event,
      "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
    };
    return new Promise((resolve) => {
      const sent = request(this.#url, { method: "POST", agent: this.#agent, headers }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("error", () => resolve(null));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, stored: text.includes('"stored":true') }));
      });
      sent.setTimeout(ANSWER_WITHIN_MS, () => sent.destroy(new Error("no answer in time")));
      sent.on("error", () => resolve(null));
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A history of pull requests with their checks, reviews and pushes; many of its moments are equal, as GitHub's seconds are. */
export function historyOf(repository: string, deliveries: number): Delivery[] {
  const made: Delivery[] = [];
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString().replace(".000Z", "Z");
  const sha = (n: number, kind: string) => (kind + n.toString(16)).padEnd(40, "0").replace(/[^0-9a-f]/g, "0");
  for (let n = 1; made.length < deliveries; n++) {
    const t = n * 7;
    const pull = (second: number, over: object) => ({
      repository: { id: 7, full_name: repository },
      pull_request: {
        number: n,
        title: `Change ${n}`,
        state: "open",
        user: { login: `author-${n % 9}` },
        head: { sha: sha(n, "a"), ref: `topic-${n}` },
        base: { ref: "main" },
        created_at: at(t),
        updated_at: at(second),
        ...over,
      },
    });
    const check = (over: object) => ({
      repository: { id: 7, full_name: repository },
      check_run: {
        id: n,
        name: "tests",
        head_sha: sha(n, "a"),
        status: "queued",
        conclusion: null,
        started_at: at(t),
        completed_at: null,
        ...over,
      },
    });
    const merged = { state: "closed", merged_at: at(t + 4), merge_commit_sha: sha(n, "c") };
    made.push(
      delivery("pull_request", pull(t, {})),
      delivery("pull_request", pull(t, { draft: true })),
      delivery("check_run", check({})),
      delivery("check_run", check({ status: "in_progress" })),
      delivery(
        "check_run",
        check({ status: "completed", conclusion: n % 3 === 0 ? "failure" : "success", completed_at: at(t + 2) }),
      ),
      delivery("pull_request", pull(t + 2, { title: `Change ${n}, again` })),
      delivery("pull_request_review", {
        repository: { id: 7, full_name: repository },
        pull_request: { number: n },
        review: {
          id: n,
          state: "approved",
          user: { login: "reviewer" },
          commit_id: sha(n, "a"),
          submitted_at: at(t + 3),
        },
      }),
      delivery("pull_request", pull(t + 4, n % 5 === 0 ? { state: "closed" } : merged)),
      delivery("push", {
        ref: "refs/heads/side",
        before: sha(n - 1, "c"),
        after: sha(n, "c"),
        repository: { id: 7, full_name: repository, pushed_at: Date.UTC(2026, 0, 1) / 1_000 + Math.floor(t / 20) },
        head_commit: { timestamp: at(t + 4) },
      }),
    );
  }
  return made.slice(0, deliveries);
}
