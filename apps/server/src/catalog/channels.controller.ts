import { CHANNELS_MAX, type ChannelTarget } from "@latchkey/api/notifications";
import type { Outcome } from "@latchkey/core/catalog/notifications/entry";
import { testMessage } from "@latchkey/core/catalog/notifications/message";
import { record, type Secrets } from "../ledger/index.ts";
import type { Reach } from "../platform/adapters/outgoing/reach.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Database, Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import type { Carry } from "./carriers.ts";
import { checkTarget, firstSigning, pack, rotated, unpack } from "./channel-targets.ts";
import {
  type ChannelRow,
  deleteChannel,
  findChannel,
  insertChannel,
  listChannels,
  lockNotifications,
  nameIsTaken,
  noteFailure,
  noteSuccess,
  saveSecrets,
  updateChannel,
} from "./channels.store.ts";
import { listRules, saveRule } from "./rules.store.ts";

export interface ChannelsOptions {
  readonly database: Database;
  readonly secrets: Secrets;
  readonly reach: Reach;
  readonly carry: Carry;
}
type Asked = { readonly project: string; readonly principal: Principal };

export const taken = (name: string) =>
  new ProblemError("LK_INVALID", {
    detail: `name: there is another one named “${name}”.`,
    fields: [{ field: "name", message: "choose a name that is not taken" }],
  });
export const noChannel = (id: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no channel "${id}".`,
    remedy: "`latchkey notifications channels` lists them.",
  });

/** Writes down who changed which channel. Of a target only what may be shown. */
export const recordChange = (
  tx: Transaction,
  { project, principal }: Asked,
  type: string,
  subject: string,
  data: Readonly<Record<string, unknown>>,
) =>
  record(tx, {
    type: `catalog.${type}`,
    subject,
    project,
    actor: actorOf(principal),
    data,
  });

/** What most want to be told of: what went wrong, what waits for them, and what is live. */
const FIRST_RULE_OUTCOMES: readonly Outcome[] = ["waiting", "promoted", "rolled_back", "failed", "aborted"];
const FIRST_RULE = {
  types: [
    ...["delivery.rollout.*", "delivery.deployment.ended", "delivery.rollback.refused", "delivery.gateway.lost"],
    ...["delivery.target.unreachable", "*.approval.*"],
  ],
  services: [],
  environments: [],
  severity: "auto",
  quietHours: null,
} as const;
export const FIRST_RULE_NAME = "What matters";

/** Makes a channel, and with a project's first one the rule that most begin with. */
export async function createChannel(
  o: ChannelsOptions,
  asked: Asked & { readonly name: string; readonly target: ChannelTarget },
): Promise<{ id: string; signingSecret: string | null; ruleId: string | null }> {
  const { project, name, target } = asked;
  await checkTarget(o.reach, target);
  const id = newId("ntc");
  const signing = firstSigning(target);
  return o.database.transaction(async (tx) => {
    await lockNotifications(tx, project);
    const others = await listChannels(tx, project);
    if (others.length >= CHANNELS_MAX)
      throw new ProblemError("LK_TOO_MANY", {
        detail: `There are ${CHANNELS_MAX} channels already.`,
        remedy: "Delete one that nobody reads.",
      });
    const stored = pack(o.secrets, id, { target, signing });
    if (!(await insertChannel(tx, { id, project, name, ...stored }))) throw taken(name);
    await recordChange(tx, asked, "notification_channel.created", `notification_channel/${id}`, {
      ...{ name, kind: stored.kind, target: stored.settings.words },
    });
    const isFirst = others.length === 0 && (await listRules(tx, project)).length === 0;
    const ruleId = isFirst ? await addFirstRule(tx, asked, id, stored.settings.updates) : null;
    return { id, signingSecret: signing[0]?.secret ?? null, ruleId };
  });
}

async function addFirstRule(tx: Transaction, asked: Asked, channelId: string, updates: boolean): Promise<string> {
  const id = newId("ntr");
  // Where one message is updated, each step is no message more.
  const outcomes: Outcome[] = [...(updates ? (["progressing", "succeeded"] as const) : []), ...FIRST_RULE_OUTCOMES];
  const definition = { ...FIRST_RULE, types: [...FIRST_RULE.types], services: [], environments: [], outcomes };
  await saveRule(tx, {
    id,
    project: asked.project,
    name: FIRST_RULE_NAME,
    enabled: true,
    definition,
    channel_ids: [channelId],
  });
  await recordChange(tx, asked, "notification_rule.created", `notification_rule/${id}`, {
    ...{ name: FIRST_RULE_NAME, channelIds: [channelId], ...definition },
  });
  return id;
}

async function locked(tx: Transaction, project: string, id: string): Promise<ChannelRow> {
  await lockNotifications(tx, project);
  const row = await findChannel(tx, project, id);
  if (!row) throw noChannel(id);
  return row;
}

export async function changeChannel(
  o: ChannelsOptions,
  asked: Asked & {
    readonly id: string;
    readonly change: {
      readonly name?: string | undefined;
      readonly enabled?: boolean | undefined;
      readonly target?: ChannelTarget | undefined;
    };
  },
): Promise<void> {
  const { name, enabled, target } = asked.change;
  if (target) await checkTarget(o.reach, target);
  await o.database.transaction(async (tx) => {
    const row = await locked(tx, asked.project, asked.id);
    if (name !== undefined && (await nameIsTaken(tx, "channel", asked.project, name, row.id))) throw taken(name);
    if (target && target.kind !== row.kind)
      throw new ProblemError("LK_INVALID", {
        detail: `target.kind: this channel is of the kind ${row.kind}.`,
        fields: [{ field: "target.kind", message: `${row.kind}; for another kind add a channel` }],
      });
    // Who receives a webhook elsewhere still verifies with the secret that was given out.
    const signing = unpack(o.secrets, row)?.signing ?? (target ? firstSigning(target) : []);
    const stored = target && pack(o.secrets, row.id, { target, signing });
    await updateChannel(tx, row.id, { name, enabled, target: stored });
    await recordChange(tx, asked, "notification_channel.changed", `notification_channel/${row.id}`, {
      ...(name === undefined ? {} : { name }),
      ...(enabled === undefined ? {} : { enabled }),
      ...(stored ? { target: stored.settings.words } : {}),
    });
  });
}

export async function removeChannel(
  o: ChannelsOptions,
  asked: Asked & { readonly id: string },
  also: (tx: Transaction) => Promise<void>,
): Promise<void> {
  await o.database.transaction(async (tx) => {
    const row = await locked(tx, asked.project, asked.id);
    await deleteChannel(tx, row.id);
    await recordChange(tx, asked, "notification_channel.deleted", `notification_channel/${row.id}`, { name: row.name });
    await also(tx);
  });
}

export async function rotateSecret(
  o: ChannelsOptions,
  asked: Asked & { readonly id: string },
): Promise<{ signingSecret: string; oldValidUntil: string }> {
  return o.database.transaction(async (tx) => {
    const row = await locked(tx, asked.project, asked.id);
    const opened = unpack(o.secrets, row);
    if (row.kind !== "webhook")
      throw new ProblemError("LK_INVALID", {
        detail: "Only webhooks are signed.",
        fields: [{ field: "channelId", message: "a channel of the kind webhook" }],
      });
    if (!opened)
      throw new ProblemError("LK_INVALID", {
        detail: "The channel's secrets can't be read: the key that they were encrypted with is gone.",
        remedy: "Give the channel its target again.",
      });
    const nowMs = Date.now();
    const signing = rotated(opened.signing, nowMs);
    await saveSecrets(tx, row.id, pack(o.secrets, row.id, { target: opened.target, signing }).secrets);
    await recordChange(tx, asked, "notification_channel.secret_rotated", `notification_channel/${row.id}`, {
      name: row.name,
    });
    const oldUntil = signing[1]?.validUntilMs ?? nowMs;
    return { signingSecret: signing[0]?.secret ?? "", oldValidUntil: new Date(oldUntil).toISOString() };
  });
}

/** Sends a message now, past rules and queue, and says what came of it. */
export async function testChannel(
  o: ChannelsOptions,
  project: string,
  id: string,
): Promise<{ arrived: boolean; words: string }> {
  const row = await findChannel(o.database.db, project, id);
  if (!row) throw noChannel(id);
  const message = testMessage(row.name, new Date().toISOString());
  const result = await o.carry(row, { id: newId("ntf"), message, sequence: null, digested: [], reference: null });
  await o.database.transaction(async (tx) => {
    if (result.arrived) await noteSuccess(tx, id);
    else await noteFailure(tx, id, result.words, 0);
  });
  return { arrived: result.arrived, words: result.words };
}
