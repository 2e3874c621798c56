import type { Deployment } from "../rollout-words.ts";
import { isPromoted } from "../rollout-words.ts";
import type { Ci } from "./environment.ts";

/** A line that GitHub shows beside the run. Its text may hold anything: what GitHub would read as a command is encoded. */
export function annotation(level: "notice" | "warning" | "error", title: string, text: string): string {
  const plain = (part: string) => part.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = plain(title).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return `::${level} title=${property}::${plain(text)}\n`;
}

/** Text of others in Markdown: without a way to become a link, a picture or a table's edge. */
const safe = (text: string): string =>
  text
    .replace(/[\r\n]+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[\\`*_[\]|#!~>]/g, "\\$&");

/** The page of a run: how the deployment went, its gates and its changes. */
export function summaryOf(deployment: Deployment, consoleUrl: string): string {
  const mark = isPromoted(deployment.status) ? "✅" : "❌";
  const release = deployment.release ? ` as release ${deployment.release.number}` : "";
  const gates = deployment.gates.map(
    (g) => `| ${safe(g.name)} | ${safe(g.status.replaceAll("_", " "))} | ${safe(g.words)} |`,
  );
  const changes = deployment.changes
    .slice(0, 50)
    .map((c) => `- \`${c.commit.slice(0, 10)}\` ${safe(c.message.split("\n")[0] ?? "")}`);
  const parts = [
    `## ${mark} ${safe(deployment.service)} in ${safe(deployment.environment)}${release}`,
    `${safe(deployment.words)}\n\n[Open in Latchkey](${consoleUrl})`,
    gates.length > 0 ? `| gate | result | |\n| --- | --- | --- |\n${gates.join("\n")}` : "",
    changes.length > 0 ? `### Changes\n\n${changes.join("\n")}` : "",
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** Why the deployment was asked for, for the record. */
export function reasonOf(ci: Ci): string {
  const where = ci.url ? `${ci.system}: ${ci.url}` : ci.system;
  return `commit ${ci.commit ?? "unknown"} (${where})`.slice(0, 500);
}
