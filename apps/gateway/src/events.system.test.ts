import type { ArmCounter } from "@latchkey/api/gateway";
import { expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { arm, ask, tableOf } from "./testkit.ts";

const s = scene();
const LEADS = { name: "leads", method: "POST", path: "/api/leads", status: 201 };

/** What was reported last of each row. */
function rows(): ArmCounter[] {
  const newest = new Map<string, ArmCounter>();
  for (const report of s.control.reports)
    for (const c of report.counters) newest.set(JSON.stringify([c.generation, c.releaseId, c.routeClass]), c);
  return [...newest.values()];
}
const leadsOf = (name: ArmCounter["arm"]): number =>
  rows()
    .filter((c) => c.arm === name)
    .reduce((sum, c) => sum + (c.events?.leads ?? 0), 0);

async function crm() {
  return s.peer((request, response) => {
    if (request.method === "POST") response.writeHead(request.url?.startsWith("/api/leads") ? 201 : 200).end();
    else response.writeHead(200, { "content-type": "text/html" }).end("<html></html>");
  });
}

test("counts the answers that the table asks for on the release of the visitor's page, whoever answers", async () => {
  const [a, b] = [await crm(), await crm()];
  const arms = (canary: number) => [arm("baseline", [a.origin], 100 - canary), arm("canary", [b.origin], canary)];
  await s.control.publish(tableOf(1, arms(100), { counted: [LEADS] }));
  const page = await ask(s.origin, "/", { headers: { accept: "text/html" } });
  const cookie = (page.headers["set-cookie"] ?? []).map((c) => c.split(";")[0]).join("; ");
  // From now on every API call goes to the baseline; the page is still the canary's.
  await s.control.publish(tableOf(2, arms(0), { counted: [LEADS] }));
  const send = (path: string, headers: Record<string, string>) => ask(s.origin, path, { method: "POST", headers });
  for (let i = 0; i < 3; i++) expect((await send("/api/leads?from=form", { cookie })).status).toBe(201);
  await send("/api/leads", {});
  await send("/api/other", { cookie });
  await ask(s.origin, "/api/leads", { headers: { cookie } });
  await s.control.until(() => leadsOf("canary") === 3 && leadsOf("baseline") === 1);
  // The requests themselves are the baseline's, which answered them; and where nothing happened it says 0.
  expect(rows().find((c) => c.arm === "baseline" && c.routeClass === "api")?.requests).toBe(6);
  expect(rows().find((c) => c.routeClass === "document")?.events).toEqual({ leads: 0 });
});

test("reports no events where the table asks for none", async () => {
  const a = await crm();
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  await ask(s.origin, "/api/leads", { method: "POST" });
  await s.control.until(() => s.control.sum((c) => c.arm === "baseline", "requests") === 1);
  expect(rows().every((c) => c.events === undefined)).toBe(true);
});
