import { createHash } from "node:crypto";
import { refusalOf } from "@latchkey/core/security/keyless";
import { findService } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import { goodUntilMs, type Verifier } from "../platform/adapters/oidc/verifier.ts";
import type { Transactions } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { issue } from "./access.controller.ts";
import { useToken } from "./keyless.store.ts";

/** Long enough to ship and to wait for the gates; asking again is cheap. */
const TOKEN_MS = 15 * 60_000;

export interface KeylessOptions {
  readonly database: Transactions;
  readonly verifier: Verifier;
  /** The address of this server: a token that was made for somebody else is of no use here. */
  readonly audience: string;
}

/** A workflow shows the token that GitHub gave it and gets one of role ci: nobody keeps a secret in the repository. */
export function registerKeyless(http: Http, o: KeylessOptions): void {
  route(http, "exchangeToken", async ({ body }) => {
    const { project, service: name } = body;
    const verified = await o.verifier.verify(body.token, o.audience);
    if (!verified.ok) throw refused(verified.error);
    const claims = verified.value;
    const service = await findService(o.database.db, project, name);
    const github = service?.config.github;
    if (!github?.keyless)
      throw refused(`service: no service "${name}" of this project is connected with github.keyless`);
    const { repository, branch, keyless } = github;
    const pins = { ...keyless, repository, ref: keyless.ref ?? `refs/heads/${branch}` };
    const why = refusalOf(claims, pins);
    if (why !== null) throw refused(why);
    const sha256 = createHash("sha256").update(`${claims.iss}\n${claims.jti}`).digest();
    const made = await o.database.transaction(async (tx) => {
      const use = await useToken(tx, sha256, new Date(goodUntilMs(claims)));
      if (use === "used")
        throw refused("jti: this token was exchanged before, and is good once: ask GitHub for another");
      if (use === "full")
        throw new ProblemError("LK_TOO_MANY", {
          detail: "Too many tokens were exchanged within an hour.",
          retryAfterMs: 60_000,
        });
      const issued = await issue(tx, {
        project,
        name: `workflow of ${repository}`,
        role: "ci",
        kind: "token",
        ms: TOKEN_MS,
      });
      await record(tx, {
        type: "security.workflow_token.exchanged",
        subject: `token/${issued.id}`,
        project,
        actor: { id: issued.id, kind: "token", name: `workflow of ${repository}` },
        // Who pushed is in the claims, too, and is left out: that is a person.
        data: {
          service: name,
          repository,
          repositoryId: keyless.repositoryId,
          workflow: keyless.workflow,
          ref: pins.ref,
          environment: keyless.environment ?? null,
          runId: typeof claims.run_id === "string" ? claims.run_id.slice(0, 40) : null,
          expiresAt: issued.expiresAt.toISOString(),
        },
      });
      return issued;
    });
    return { token: made.secret, expiresAt: made.expiresAt.toISOString(), project, service: name };
  });
}

const refused = (why: string) =>
  new ProblemError("LK_UNAUTHENTICATED", {
    detail: `The workflow's token is refused. ${why}.`,
    remedy:
      "Compare github.keyless in the service's configuration with the workflow, and ask GitHub for a token whose audience is this server's address.",
  });
