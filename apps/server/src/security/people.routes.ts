import type { Answer } from "@latchkey/api/client";
import { subjectOf } from "@latchkey/core/shared/sealed";
import {
  countOwners,
  findPeople,
  insertPerson,
  listPeople,
  lockPerson,
  type PersonRow,
  removePerson,
  updatePerson,
} from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Transaction } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { signInLinkFor } from "./access.controller.ts";
import type { AccessRoutesOptions } from "./access.routes.ts";
import { revokeAllOf, setRoleOf } from "./access.store.ts";

const noPerson = (id: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no person "${id}".`,
    remedy: "`latchkey people` lists them with their ids.",
  });
const present = (row: PersonRow, me: Principal): Answer<"addPerson"> => ({
  ...{ id: row.id, name: row.name, role: row.role, raci: [...row.raci] as Answer<"addPerson">["raci"] },
  ...{ commitNames: [...row.commit_names], githubLogin: row.github_login, createdAt: row.created_at.toISOString() },
  isMe: row.id === me.personId,
});

/** People of the project: who may sign in, and what each may do and answers for. */
export function registerPeople(http: Http, o: AccessRoutesOptions): void {
  const { db } = o.database;
  const personNow = async (id: string, me: Principal) => {
    const [row] = await findPeople(db, [id]);
    if (!row) throw noPerson(id);
    return present(row, me);
  };
  const sealAll = async (names: readonly string[]) => {
    const sealed: string[] = [];
    for (const name of names) sealed.push(await o.subjects.sealName(name));
    return sealed;
  };
  const sealLogin = async (login: string | null) => (login === null ? null : o.subjects.sealName(login.toLowerCase()));
  const tell = (
    tx: Transaction,
    asked: { project: string; principal: Principal },
    id: string,
    verb: string,
    data = {},
  ) =>
    record(tx, {
      type: `security.person.${verb}`,
      subject: `person/${id}`,
      project: asked.project,
      actor: actorOf(asked.principal),
      data,
    });

  route(http, "listPeople", async ({ project, query, principal }) => {
    const rows = await listPeople(db, project, query.cursor, query.limit);
    return {
      items: rows.map((row) => present(row, principal)),
      next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null,
    };
  });

  route(http, "addPerson", async ({ project, body, principal, remember }) => {
    const name = await o.subjects.sealName(body.name);
    const id = newId("per");
    const { role, raci } = body;
    const commit_names = await sealAll(body.commitNames);
    const github_login = await sealLogin(body.githubLogin);
    await o.database.transaction(async (tx) => {
      const subject_id = subjectOf(name) ?? "";
      if (!(await insertPerson(tx, { id, project, name, subject_id, role, raci, commit_names, github_login })))
        throw new ProblemError("LK_INVALID", {
          detail: "name: there is a person of this name.",
          fields: [{ field: "name", message: "another name: two of one name can't be told apart in the records" }],
        });
      await tell(tx, { project, principal }, id, "added", { role, raci, name });
      await remember(tx, id);
    });
    return personNow(id, principal);
  });

  route(http, "updatePerson", async ({ project, params, body, principal, remember }) => {
    const commitNames = body.commitNames && (await sealAll(body.commitNames));
    const login = body.githubLogin === undefined ? undefined : await sealLogin(body.githubLogin);
    await o.database.transaction(async (tx) => {
      const before = await lockPerson(tx, project, params.personId);
      if (!before) throw noPerson(params.personId);
      const role = body.role ?? before.role;
      await mustLeaveOwner(tx, before, role);
      await updatePerson(tx, {
        ...before,
        role,
        raci: body.raci ?? before.raci,
        commit_names: commitNames ?? before.commit_names,
        github_login: login === undefined ? before.github_login : login,
      });
      await setRoleOf(tx, before.id, role);
      await tell(tx, { project, principal }, before.id, "changed", { role, raci: body.raci ?? before.raci });
      await remember(tx, before.id);
    });
    o.onRevoked();
    return personNow(params.personId, principal);
  });

  route(
    http,
    "removePerson",
    async ({ project, params, principal, remember }) => {
      await o.database.transaction(async (tx) => {
        const before = await lockPerson(tx, project, params.personId);
        if (!before) throw noPerson(params.personId);
        await mustLeaveOwner(tx, before, null);
        await removePerson(tx, before.id);
        await revokeAllOf(tx, before.id);
        await tell(tx, { project, principal }, before.id, "removed");
        await remember(tx, "removed");
      });
      o.onRevoked();
      return null;
    },
    async () => null,
  );

  route(http, "createPersonLink", async ({ project, params, principal }) => {
    return o.database.transaction(async (tx) => {
      const person = await lockPerson(tx, project, params.personId);
      if (!person) throw noPerson(params.personId);
      const { name, role } = person;
      const link = await signInLinkFor(tx, o.baseUrl, { project, name, role, personId: person.id });
      await tell(tx, { project, principal }, person.id, "invited", { expiresAt: link.expiresAt });
      return link;
    });
  });
}

/** Without an owner nobody could ever change anything again. */
async function mustLeaveOwner(tx: Transaction, person: PersonRow, role: PersonRow["role"] | null): Promise<void> {
  if (person.role !== "owner" || role === "owner" || (await countOwners(tx, person.project)) > 1) return;
  throw new ProblemError("LK_INVALID", {
    detail: "This is the only owner: there must be one.",
    fields: [{ field: "role", message: "make somebody else an owner first" }],
  });
}
