import { arrived, failed, type SendResult } from "@latchkey/core/catalog/notifications/port";
import { createTransport } from "nodemailer";
import type { Reach } from "../outgoing/reach.ts";

/** Mail by SMTP, a connection for each: notifications are few. */
const CONNECT_MS = 10_000;
/** Mail servers look at what they get (greylisting, scanners): RFC 5321, section 4.5.3.2, allows minutes; this is a queue. */
const SOCKET_MS = 30_000;

export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  readonly security: "starttls" | "tls" | "none";
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
  readonly ca?: string | undefined;
}
export interface SmtpParcel {
  readonly target: SmtpTarget;
  readonly deliveryId: string;
  readonly mail: { readonly subject: string; readonly text: string; readonly html: string };
  /** Of the thread that it belongs to: the first mail's id. */
  readonly reference: Readonly<Record<string, string>> | null;
}

const domainOf = (mailbox: string): string => mailbox.slice(mailbox.lastIndexOf("@") + 1);
/** The same however often it is sent: mail servers and programs know a repetition by it. */
export const messageIdOf = (deliveryId: string, from: string): string => `<${deliveryId}@${domainOf(from)}>`;

export async function sendMail(reach: Reach, { target, deliveryId, mail, reference }: SmtpParcel): Promise<SendResult> {
  const reached = await reach(target.host);
  if ("refused" in reached) return failed(reached.refused, { permanent: !reached.isPassing });
  const { place } = reached;
  if (target.security === "none" && !place.isLoopback)
    return failed(`${target.host} would get mail without TLS: use starttls or tls.`, { permanent: true });
  const transport = createTransport({
    host: place.address,
    port: target.port,
    secure: target.security === "tls",
    requireTLS: target.security === "starttls",
    ignoreTLS: target.security === "none",
    // Connected is to the address that was checked; the certificate is of the name.
    tls: { servername: target.host, ...(target.ca === undefined ? {} : { ca: target.ca }) },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SOCKET_MS,
    ...(target.user === undefined ? {} : { auth: { user: target.user, pass: target.password ?? "" } }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const messageId = messageIdOf(deliveryId, target.from);
  const root = reference?.messageId;
  try {
    const sent = await transport.sendMail({
      from: { name: "Latchkey", address: target.from },
      to: target.to.map((address) => ({ name: "", address })),
      ...mail,
      messageId,
      ...(root === undefined ? {} : { inReplyTo: root, references: root }),
      headers: { "Auto-Submitted": "auto-generated" },
    });
    const refused = sent.rejected.length;
    return arrived(
      refused === 0 ? "The mail server took it." : `The mail server took it, but not for ${refused} of the addresses.`,
      {
        messageId: root ?? messageId,
      },
    );
  } catch (error) {
    return failure(target, error as { code?: string; responseCode?: number; message: string });
  } finally {
    transport.close();
  }
}

function failure(target: SmtpTarget, error: { code?: string; responseCode?: number; message: string }): SendResult {
  const { responseCode: code } = error;
  // 5yz is final by RFC 5321; a wrong password or a certificate is mended on one of the two ends, and then it goes on.
  const isAboutThisMail = error.code === "EENVELOPE" || error.code === "EMESSAGE";
  const words = error.message.replace(/[^\x20-\x7e]+/g, " ").slice(0, 200);
  return failed(`${target.host} did not take it: ${words}.`, {
    permanent: isAboutThisMail && code !== undefined && code >= 500,
  });
}
