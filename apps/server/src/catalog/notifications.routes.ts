import { CHANNELS_MAX, type NotificationRuleBody, RULES_MAX } from "@latchkey/api/notifications";
import type { Principal } from "../platform/auth.ts";
import type { Transaction } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  type ChannelsOptions,
  changeChannel,
  createChannel,
  noChannel,
  recordChange,
  removeChannel,
  rotateSecret,
  taken,
  testChannel,
} from "./channels.controller.ts";
import { listChannels, lockNotifications, nameIsTaken } from "./channels.store.ts";
import { type DeliveryState, listDeliveries, reviveDead } from "./deliveries.store.ts";
import { REPLAYED_AT_ONCE } from "./notification-limits.ts";
import { presentDelivery, presentRule, viewChannels, type ZoneOf } from "./notifications.view.ts";
import { deleteRule, findRule, listRules, type RuleRow, saveRule } from "./rules.store.ts";

export interface NotificationRoutesOptions extends ChannelsOptions {
  readonly zoneOf: ZoneOf;
  /** Something is to be sent. */
  readonly wake: () => void;
}

export function registerNotifications(http: Http, o: NotificationRoutesOptions): void {
  registerChannels(http, o);
  registerRules(http, o);
  registerDeliveries(http, o);
}

function registerChannels(http: Http, o: NotificationRoutesOptions): void {
  const { db } = o.database;
  const channelOf = async (project: string, id: string) => {
    const found = (await viewChannels(db, project)).find((channel) => channel.id === id);
    if (!found) throw noChannel(id);
    return found;
  };

  route(http, "listNotificationChannels", async ({ project }) => ({
    items: await viewChannels(db, project),
    max: CHANNELS_MAX,
  }));
  route(http, "createNotificationChannel", async ({ project, body, principal }) => {
    const made = await createChannel(o, { project, principal, ...body });
    const rule = made.ruleId === null ? null : await findRule(db, project, made.ruleId);
    return {
      channel: await channelOf(project, made.id),
      signingSecret: made.signingSecret,
      rule: rule && presentRule(rule, o.zoneOf, Date.now()),
    };
  });
  route(http, "updateNotificationChannel", async ({ project, params, body, principal }) => {
    await changeChannel(o, { project, principal, id: params.channelId, change: body });
    o.wake();
    return channelOf(project, params.channelId);
  });
  route(
    http,
    "deleteNotificationChannel",
    async ({ project, params, principal, remember }) => {
      await removeChannel(o, { project, principal, id: params.channelId }, (tx) => remember(tx, "deleted"));
      return null;
    },
    async () => null,
  );
  route(http, "testNotificationChannel", async ({ project, params }) => {
    const result = await testChannel(o, project, params.channelId);
    o.wake();
    return result;
  });
  route(http, "rotateNotificationSecret", async ({ project, params, principal }) =>
    rotateSecret(o, { project, principal, id: params.channelId }),
  );
}

const noRule = (id: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no rule "${id}".`,
    remedy: "`latchkey notifications rules` lists them.",
  });

function registerRules(http: Http, o: NotificationRoutesOptions): void {
  const { db } = o.database;
  const present = (row: RuleRow) => presentRule(row, o.zoneOf, Date.now());
  const ruleNow = async (project: string, id: string) => {
    const row = await findRule(db, project, id);
    if (!row) throw noRule(id);
    return present(row);
  };

  /** Writes a rule as a body has it, once it can hold. */
  async function write(
    tx: Transaction,
    asked: { project: string; principal: Principal; id: string; body: NotificationRuleBody },
    verb: string,
  ) {
    const { project, id, body } = asked;
    const { name, enabled, channelIds, ...definition } = body;
    if (await nameIsTaken(tx, "rule", project, name, id)) throw taken(name);
    const known = new Set((await listChannels(tx, project)).map((channel) => channel.id));
    const missing = channelIds.findIndex((channelId) => !known.has(channelId));
    if (missing >= 0)
      throw new ProblemError("LK_INVALID", {
        detail: `channelIds.${missing}: there is no channel "${channelIds[missing]}".`,
        fields: [{ field: `channelIds.${missing}`, message: "the id of a channel: `latchkey notifications channels`" }],
      });
    await saveRule(tx, { id, project, name, enabled, definition, channel_ids: channelIds });
    await recordChange(tx, asked, `notification_rule.${verb}`, `notification_rule/${id}`, { ...body });
  }
  function checkZone({ quietHours }: NotificationRuleBody) {
    if (quietHours === null || o.zoneOf(quietHours.timeZone, Date.now()) !== null) return;
    throw new ProblemError("LK_INVALID", {
      detail: `quietHours.timeZone: nobody knows the time zone “${quietHours.timeZone}”.`,
      fields: [{ field: "quietHours.timeZone", message: "an IANA name such as Europe/Berlin" }],
    });
  }

  route(http, "listNotificationRules", async ({ project }) => ({
    items: (await listRules(db, project)).map(present),
    max: RULES_MAX,
  }));
  route(
    http,
    "createNotificationRule",
    async ({ project, body, principal, remember }) => {
      checkZone(body);
      const id = newId("ntr");
      await o.database.transaction(async (tx) => {
        await lockNotifications(tx, project);
        if ((await listRules(tx, project)).length >= RULES_MAX)
          throw new ProblemError("LK_TOO_MANY", {
            detail: `There are ${RULES_MAX} rules already.`,
            remedy: "Delete one, or put two into one.",
          });
        await write(tx, { project, principal, id, body }, "created");
        await remember(tx, `${project} ${id}`);
      });
      return ruleNow(project, id);
    },
    async (reference) => {
      const [project = "", id = ""] = reference.split(" ");
      return ruleNow(project, id);
    },
  );
  route(http, "updateNotificationRule", async ({ project, params, body, principal }) => {
    checkZone(body);
    await o.database.transaction(async (tx) => {
      await lockNotifications(tx, project);
      if (!(await findRule(tx, project, params.ruleId))) throw noRule(params.ruleId);
      await write(tx, { project, principal, id: params.ruleId, body }, "changed");
    });
    return ruleNow(project, params.ruleId);
  });
  route(
    http,
    "deleteNotificationRule",
    async ({ project, params, principal, remember }) => {
      await o.database.transaction(async (tx) => {
        await lockNotifications(tx, project);
        const row = await findRule(tx, project, params.ruleId);
        if (!row) throw noRule(params.ruleId);
        await deleteRule(tx, row.id);
        await recordChange(tx, { project, principal }, "notification_rule.deleted", `notification_rule/${row.id}`, {
          name: row.name,
        });
        await remember(tx, "deleted");
      });
      return null;
    },
    async () => null,
  );
}

/** Behind the newest: where a list begins. */
const NEWEST = Number.MAX_SAFE_INTEGER;

function registerDeliveries(http: Http, o: NotificationRoutesOptions): void {
  const { db } = o.database;
  route(http, "listNotificationDeliveries", async ({ project, query }) => {
    const { limit, channelId } = query;
    const before = query.cursor === undefined || query.cursor === "" ? NEWEST : Number(query.cursor);
    if (!Number.isSafeInteger(before) || before < 0)
      throw new ProblemError("LK_INVALID", {
        detail: "cursor: it is not one that a list answered.",
        fields: [{ field: "cursor", message: "leave it out, or give `next` of the page before" }],
      });
    const state = query.state as DeliveryState | undefined;
    const rows = await listDeliveries(db, project, { before, limit, state, channelId });
    const next = rows.length === limit ? (rows.at(-1)?.position ?? null) : null;
    return { items: rows.map(presentDelivery), next: next === null ? null : String(next) };
  });
  route(
    http,
    "replayNotifications",
    async ({ project, body, principal, remember }) => {
      const replayed = await o.database.transaction(async (tx) => {
        const which = { ids: body.deliveryIds, channelId: body.channelId };
        const { length } = await reviveDead(tx, project, which, REPLAYED_AT_ONCE);
        if (length > 0)
          await recordChange(tx, { project, principal }, "notification.replayed", `project/${project}`, {
            ...{ deliveries: length, ...(body.channelId === undefined ? {} : { channelId: body.channelId }) },
          });
        await remember(tx, String(length));
        return length;
      });
      o.wake();
      return { replayed };
    },
    async (reference) => ({ replayed: Number(reference) }),
  );
}
