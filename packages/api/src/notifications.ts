import { z } from "zod";

/** Who is told of what: channels, rules, deliveries. Secrets go in and never come out. */
const when = z.iso.datetime({ offset: true });
export const CHANNELS_MAX = 50;
export const RULES_MAX = 100;

const name = z.string().trim().min(1, "give it a name").max(60);
const address = z.url({ protocol: /^https?$/, error: "an address such as https://example.com/hook" }).max(2_000);
const mailbox = z
  .string()
  .max(254)
  .regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, "a mail address such as team@example.com");

export const ChannelKind = z.enum(["slack", "webhook", "email"]);

const SlackTarget = z
  .strictObject({
    kind: z.literal("slack"),
    /** An incoming webhook: Slack (or Mattermost, Rocket.Chat, Discord with /slack) gave this address. It can't update messages. */
    webhookUrl: address.optional(),
    /** A bot's token (xoxb-…) with chat:write: one message per rollout is updated. */
    token: z
      .string()
      .min(10)
      .max(500)
      .regex(/^[\x21-\x7e]+$/, "a token as Slack shows it, without spaces and line breaks")
      .optional(),
    /** Where the bot writes: a channel's id or name. */
    conversation: z.string().min(1).max(80).optional(),
    /** Another address of Slack's API: for what only speaks like it. */
    apiUrl: address.optional(),
  })
  .superRefine((target, context) => {
    const isBot = target.token !== undefined;
    if (isBot === (target.webhookUrl !== undefined))
      context.addIssue({
        code: "custom",
        path: ["webhookUrl"],
        message: "give either webhookUrl, or token and conversation",
      });
    else if (isBot !== (target.conversation !== undefined))
      context.addIssue({ code: "custom", path: ["conversation"], message: "token and conversation go together" });
  });
const WebhookTarget = z.strictObject({ kind: z.literal("webhook"), url: address });
const EmailTarget = z
  .strictObject({
    kind: z.literal("email"),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535).default(587),
    /** `none` only to this machine. */
    security: z.enum(["starttls", "tls", "none"]).default("starttls"),
    user: z.string().max(254).optional(),
    password: z.string().max(1_000).optional(),
    from: mailbox,
    to: z.array(mailbox).min(1).max(20),
    /** A certificate authority of your own, in PEM. */
    ca: z.string().max(20_000).optional(),
  })
  .superRefine((target, context) => {
    if ((target.user === undefined) !== (target.password === undefined))
      context.addIssue({ code: "custom", path: ["password"], message: "user and password go together" });
  });
export const ChannelTarget = z.discriminatedUnion("kind", [SlackTarget, WebhookTarget, EmailTarget]);
export type ChannelTarget = z.infer<typeof ChannelTarget>;

/** What is shown of a target: nothing that lets anybody in. */
export const ChannelSettings = z.object({
  /** In words: "https://example.com/hook", "#deployments by a bot", "2 mail addresses by smtp.example.com". */
  words: z.string(),
  /** Whether one message per rollout is updated; else Slack gets the first and the last only. */
  updates: z.boolean(),
});
export const ChannelState = z.enum(["unused", "working", "failing", "resting", "off"]);
export const NotificationChannel = z.object({
  id: z.string(),
  name: z.string(),
  kind: ChannelKind,
  enabled: z.boolean(),
  settings: ChannelSettings,
  state: ChannelState,
  /** Failures in a row. */
  failures: z.int(),
  /** Nothing is sent before, after too many failures. */
  restsUntil: when.nullable(),
  lastSuccessAt: when.nullable(),
  lastFailureAt: when.nullable(),
  lastFailure: z.string().nullable(),
  waiting: z.int(),
  held: z.int(),
  dead: z.int(),
  /** Dropped because a limit was reached, since the channel was made. */
  dropped: z.int(),
  createdAt: when,
});
export type NotificationChannel = z.infer<typeof NotificationChannel>;

export const Outcome = z.enum([
  "progressing",
  "waiting",
  "promoted",
  "succeeded",
  "rolled_back",
  "failed",
  "aborted",
  "other",
]);
const Weekday = z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time such as 22:00");
export const QuietHours = z.strictObject({
  /** IANA name, such as Europe/Berlin. */
  timeZone: z.string().min(1).max(60),
  /** On which days they begin. */
  days: z.array(Weekday).min(1).max(7),
  from: time,
  /** Not later than `from` means the next day. */
  to: time,
});
export const NotificationRuleBody = z.strictObject({
  name,
  enabled: z.boolean().default(true),
  /** Patterns of ledger entry types, such as delivery.rollout.*; none means all. */
  types: z
    .array(z.string().regex(/^[a-z0-9_.*]{1,80}$/, "a type such as delivery.rollout.*"))
    .max(20)
    .default([]),
  services: z.array(z.string().min(1).max(40)).max(50).default([]),
  environments: z.array(z.string().min(1).max(40)).max(20).default([]),
  outcomes: z.array(Outcome).max(8).default([]),
  channelIds: z.array(z.string().max(60)).min(1, "name at least one channel").max(CHANNELS_MAX),
  severity: z.enum(["auto", "info", "warning", "critical"]).default("auto"),
  quietHours: QuietHours.nullable().default(null),
});
export type NotificationRuleBody = z.infer<typeof NotificationRuleBody>;
export const NotificationRule = z.object({
  ...NotificationRuleBody.shape,
  /** None, once the channels that it named were deleted. */
  channelIds: z.array(z.string()),
  id: z.string(),
  createdAt: when,
  /** Quiet now, and until when. */
  quietUntil: when.nullable(),
});
export type NotificationRule = z.infer<typeof NotificationRule>;

export const DeliveryState = z.enum(["held", "waiting", "delivered", "skipped", "digested", "dead"]);
export const NotificationDelivery = z.object({
  id: z.string(),
  channelId: z.string(),
  channelName: z.string(),
  type: z.string(),
  title: z.string(),
  severity: z.enum(["info", "warning", "critical"]),
  /** The entry that it tells of; null for a digest. */
  sequence: z.int().nullable(),
  path: z.string(),
  state: DeliveryState,
  tries: z.int(),
  /** When it is tried next, or told at the end of quiet hours. */
  nextAt: when.nullable(),
  createdAt: when,
  endedAt: when.nullable(),
  /** Why it did not arrive, or why it was left out. */
  lastFailure: z.string().nullable(),
});
export type NotificationDelivery = z.infer<typeof NotificationDelivery>;

const paging = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};
const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });

/** The routes of notifications, for the contract. */
export const notificationContract = {
  listNotificationChannels: {
    summary: "Where notifications go, without secrets",
    status: 200,
    answers: z.object({ items: z.array(NotificationChannel), max: z.int() }),
  },
  createNotificationChannel: {
    summary:
      "Add a channel; a webhook's signing secret is in this answer and never again. The first channel gets a rule",
    body: z.strictObject({ name, target: ChannelTarget }),
    status: 201,
    answers: z.object({
      channel: NotificationChannel,
      signingSecret: z.string().nullable(),
      /** The rule that was made with the first channel. */
      rule: NotificationRule.nullable(),
    }),
  },
  updateNotificationChannel: {
    summary: "Rename a channel, turn it on or off, or send it elsewhere",
    body: z.strictObject({ name: name.optional(), enabled: z.boolean().optional(), target: ChannelTarget.optional() }),
    status: 200,
    answers: NotificationChannel,
  },
  deleteNotificationChannel: {
    summary: "Delete a channel with what was on its way there",
    status: 204,
    answers: z.null(),
  },
  testNotificationChannel: {
    summary: "Send a test message now and say what came of it",
    status: 200,
    answers: z.object({ arrived: z.boolean(), words: z.string() }),
  },
  rotateNotificationSecret: {
    summary: "Make a new signing secret; the old one signs, too, for 24 hours",
    status: 200,
    answers: z.object({ signingSecret: z.string(), oldValidUntil: when }),
  },
  listNotificationRules: {
    summary: "Which entries go to which channels, and when",
    status: 200,
    answers: z.object({ items: z.array(NotificationRule), max: z.int() }),
  },
  createNotificationRule: {
    summary: "Add a rule",
    body: NotificationRuleBody,
    status: 201,
    answers: NotificationRule,
  },
  updateNotificationRule: {
    summary: "Change a rule: all of it is replaced",
    body: NotificationRuleBody,
    status: 200,
    answers: NotificationRule,
  },
  deleteNotificationRule: { summary: "Delete a rule", status: 204, answers: z.null() },
  listNotificationDeliveries: {
    summary: "What was sent, waits, is held or did not arrive, newest first",
    query: z.object({ ...paging, state: DeliveryState.optional(), channelId: z.string().max(60).optional() }),
    status: 200,
    answers: pageOf(NotificationDelivery),
  },
  replayNotifications: {
    summary: "Send dead letters again, with the ids that they had",
    body: z
      .strictObject({
        deliveryIds: z.array(z.string().max(60)).min(1).max(200).optional(),
        /** All dead letters of a channel. */
        channelId: z.string().max(60).optional(),
      })
      .refine((body) => (body.deliveryIds === undefined) !== (body.channelId === undefined), {
        path: ["deliveryIds"],
        message: "give either deliveryIds or channelId",
      }),
    status: 200,
    answers: z.object({ replayed: z.int() }),
  },
} as const;
