import type { RouteName } from "@latchkey/api/paths";
import type { Role } from "@latchkey/core/security/authorisation";
import type { Transaction } from "./database.ts";
import type { ProblemError } from "./problems.ts";

/** What HTTP needs of the security room, as types: the room implements them, the composition root wires. */
export interface Principal {
  readonly id: string;
  /** As it is stored: a person's name is sealed. */
  readonly name: string;
  readonly kind: "person" | "token" | "gateway" | "system";
  readonly role: Role;
  readonly project: string;
  /** Whose doing it is: a session's and a token's person. Null for gateways, pipelines, and tokens of nobody known. */
  readonly personId: string | null;
}
/** Who did it, as entries of the ledger have it. */
export const actorOf = ({
  id,
  kind,
  name,
}: Pick<Principal, "id" | "kind" | "name">): Pick<Principal, "id" | "kind" | "name"> => ({ id, kind, name });
/** The headers that say who somebody is. */
export interface Credentials {
  readonly headers: { readonly authorization?: string | undefined; readonly cookie?: string | undefined };
}
/** Who a request comes from, by cookie or bearer token; null when it says nothing or nothing true. */
export type Authenticate = (request: Credentials) => Promise<Principal | null>;
/** Answers stored by (actor, route, key): see security/idempotency. */
export interface IdempotencyStore {
  begin(
    actor: string,
    route: string,
    key: string,
    sha256: string,
  ): Promise<
    | { kind: "new" }
    | { kind: "done"; status: number; answer: string }
    /** Done in a committed transaction, but never answered: `reference` tells how to answer now. */
    | { kind: "effected"; reference: string }
    | { kind: "other_body" }
    | { kind: "under_way" }
  >;
  remember(tx: Transaction, actor: string, route: string, key: string, reference: string): Promise<void>;
  finish(actor: string, route: string, key: string, status: number, answer: string): Promise<void>;
  forget(actor: string, route: string, key: string): Promise<void>;
}
/** Puts into a text of JSON what its sealed parts say (core/shared/sealed): nothing personal is stored in clear. */
export type OpenSealed = (json: string) => Promise<string>;
/** A write that somebody known asked for and did not get: for the record. Never throws. */
export type OnRefusal = (
  principal: Principal,
  route: RouteName,
  params: Readonly<Record<string, string>>,
  problem: ProblemError,
) => void;
