import type { Client } from "@latchkey/api/client";

/** What is typed into the form of a new channel, and the target that it means. */
export type ChannelKind = "slack" | "bot" | "webhook" | "email";
export type Target = Parameters<Client["createNotificationChannel"]>[0]["body"]["target"];
export type ChannelField =
  | "name"
  | "url"
  | "webhookUrl"
  | "token"
  | "conversation"
  | "host"
  | "port"
  | "user"
  | "password"
  | "from"
  | "to";
export type ChannelForm = Readonly<Record<ChannelField, string>>;

export const EMPTY_FORM: ChannelForm = {
  ...{ name: "", url: "", webhookUrl: "", token: "", conversation: "", host: "", port: "587", user: "", password: "" },
  ...{ from: "", to: "" },
};
export const FIELDS: Readonly<Record<ChannelKind, readonly ChannelField[]>> = {
  slack: ["webhookUrl"],
  bot: ["token", "conversation"],
  webhook: ["url"],
  email: ["host", "port", "from", "to", "user", "password"],
};
const OPTIONAL: readonly ChannelField[] = ["user", "password"];

/** The fields that are still empty or can't be. */
export function mistakes(kind: ChannelKind, form: ChannelForm): ChannelField[] {
  const empty = (["name", ...FIELDS[kind]] as ChannelField[]).filter(
    (field) => !OPTIONAL.includes(field) && form[field].trim() === "",
  );
  const port = Number(form.port);
  const isBadPort =
    kind === "email" && !empty.includes("port") && !(Number.isInteger(port) && port > 0 && port < 65_536);
  return isBadPort ? [...empty, "port"] : empty;
}

export function targetOf(kind: ChannelKind, form: ChannelForm): Target {
  const of = (field: ChannelField) => form[field].trim();
  if (kind === "webhook") return { kind, url: of("url") };
  if (kind === "slack") return { kind, webhookUrl: of("webhookUrl") };
  if (kind === "bot") return { kind: "slack", token: of("token"), conversation: of("conversation") };
  const port = Number(of("port"));
  const to = of("to")
    .split(/[\s,;]+/)
    .filter((address) => address !== "");
  const secrets = of("user") === "" ? {} : { user: of("user"), password: form.password };
  // By convention TLS from the first byte is on 465 (RFC 8314).
  return {
    kind,
    host: of("host"),
    port,
    security: port === 465 ? "tls" : "starttls",
    from: of("from"),
    to,
    ...secrets,
  };
}

/** The field of the form that a problem of the API is about. */
export const fieldOf = (field: string): ChannelField | null => {
  const [first = "", second = ""] = field.split(".");
  const name = first === "target" ? second : first;
  return name in EMPTY_FORM ? (name as ChannelField) : null;
};
