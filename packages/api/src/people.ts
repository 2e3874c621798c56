import { z } from "zod";

/** People, what waits for them, and times in which nothing goes out. */
const when = z.iso.datetime({ offset: true });
const paging = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};
const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });
const name = z.string().trim().min(1, "give the person a name").max(80);

export const RaciRole = z.enum(["lead", "automation", "cloud", "sre", "security", "delivery"]);
export const PersonRole = z.enum(["owner", "deployer", "viewer"]);
const PersonFields = {
  role: PersonRole,
  /** Responsibilities, as in the guide's RACI table. */
  raci: z.array(RaciRole).max(6),
  /** Names that this person's commits carry, beside the person's own name. */
  commitNames: z.array(name).max(10),
  githubLogin: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/, "a name on GitHub, such as octocat")
    .nullable(),
};
export const Person = z.object({
  id: z.string(),
  name: z.string(),
  role: PersonRole,
  raci: z.array(RaciRole),
  commitNames: z.array(z.string()),
  githubLogin: z.string().nullable(),
  createdAt: when,
  /** Whether it is who asks. */
  isMe: z.boolean(),
});

export const ApprovalState = z.enum(["waiting", "approved", "rejected", "withdrawn", "expired"]);
export const Approval = z.object({
  id: z.string(),
  /** What is approved, such as deployment/dep_…, and by which gate it is asked. */
  subject: z.string(),
  gate: z.string(),
  service: z.string(),
  environment: z.string(),
  words: z.string(),
  state: ApprovalState,
  needed: z.int(),
  roles: z.array(z.string()),
  askedBy: z.string(),
  createdAt: when,
  endedAt: when.nullable(),
  voices: z.array(
    z.object({
      person: z.string(),
      choice: z.enum(["approve", "reject"]),
      via: z.enum(["console", "cli", "api", "github"]),
      reason: z.string(),
      at: when,
    }),
  ),
  /** Why who asks may not decide; null when that one may. */
  whyNot: z.string().nullable(),
});

export const Freeze = z.object({
  id: z.string(),
  service: z.string().nullable(),
  environment: z.string().nullable(),
  reason: z.string(),
  beginsAt: when,
  endsAt: when,
  createdBy: z.string(),
  /** Whether it holds deployments up now. */
  isActive: z.boolean(),
});

export const peopleContract = {
  listPeople: { summary: "The people of this project", query: z.object(paging), status: 200, answers: pageOf(Person) },
  addPerson: {
    summary: "Add a person; `createPersonLink` makes the link that signs this person in",
    body: z.strictObject({
      name,
      role: PersonFields.role.default("deployer"),
      raci: PersonFields.raci.default([]),
      commitNames: PersonFields.commitNames.default([]),
      githubLogin: PersonFields.githubLogin.default(null),
    }),
    status: 201,
    answers: Person,
  },
  updatePerson: {
    summary: "Change what a person may do, is responsible for, and is known by",
    body: z.strictObject({
      role: PersonFields.role.optional(),
      raci: PersonFields.raci.optional(),
      commitNames: PersonFields.commitNames.optional(),
      githubLogin: PersonFields.githubLogin.optional(),
    }),
    status: 200,
    answers: Person,
  },
  removePerson: {
    summary: "Remove a person: sessions and tokens of that person are good no more",
    status: 204,
    answers: z.null(),
  },
  createPersonLink: {
    summary: "Make a link that signs this person in, once, within 15 minutes",
    status: 201,
    answers: z.object({ url: z.string(), expiresAt: when }),
  },
  listApprovals: {
    summary: "What waits for people, and what they said, newest first",
    query: z.object({ ...paging, state: ApprovalState.optional() }),
    status: 200,
    answers: pageOf(Approval),
  },
  getApproval: { summary: "An approval", status: 200, answers: Approval },
  decideApproval: {
    summary: "Approve or reject, with a reason; never what one has written or asked for oneself",
    body: z.strictObject({
      choice: z.enum(["approve", "reject"]),
      reason: z.string().trim().min(1, "say why: it is kept in the ledger").max(500),
      via: z.enum(["console", "cli", "api"]).default("api"),
    }),
    status: 200,
    answers: Approval,
  },
  listFreezes: {
    summary: "Times in which nothing goes out, that are not over yet",
    status: 200,
    answers: z.object({ items: z.array(Freeze) }),
  },
  addFreeze: {
    summary: "Let nothing go out for a time; rollouts under way go on, and rollbacks always may",
    body: z.strictObject({
      /** Left out: every service, every environment. */
      service: z.string().max(40).optional(),
      environment: z.string().max(40).optional(),
      reason: z.string().trim().min(1, "say why: those who wait read it").max(300),
      beginsAt: when.optional(),
      endsAt: when,
    }),
    status: 201,
    answers: Freeze,
  },
  liftFreeze: { summary: "End a freeze now", status: 204, answers: z.null() },
} as const;
