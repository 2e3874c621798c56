import { type PathSpec, paths, type RouteName } from "@latchkey/api/paths";
import { ROLES, type Role } from "@latchkey/core/security/authorisation";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { issue } from "./access.controller.ts";

let installation: Installation;
let secrets: Record<Role, string>;
beforeAll(async () => {
  installation = await Installation.start();
  const all = await Promise.all(ROLES.map(async (role) => [role, (await installation.tokenOf(role)).secret]));
  secrets = Object.fromEntries(all) as Record<Role, string>;
});
afterAll(() => installation.close());

/** Calls a route with a body that is not valid anywhere: whoever may call gets as far as that, and changes nothing. */
async function statusOf(name: RouteName, token: string | null, project = "main"): Promise<number> {
  const spec: PathSpec = paths[name];
  const path = spec.path.replace(":project", project).replace(/:[a-zA-Z]+/g, "none");
  const answer = await fetch(installation.url + path, {
    method: spec.method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(spec.method === "GET" ? {} : { "content-type": "application/json" }),
    },
    ...(spec.method === "GET" ? {} : { body: '{"not":"valid"}' }),
  });
  await answer.arrayBuffer();
  // There are more routes than an address may ask for as nobody at once.
  if (answer.status !== 429) return answer.status;
  await forgetWhoAsked();
  return statusOf(name, token, project);
}
/** An address may ask as nobody 60 times at once: a server that is started again counts anew. */
async function forgetWhoAsked(): Promise<void> {
  await installation.stop();
  await installation.start();
}
const may = (status: number): string => (status === 401 || status === 403 ? "-" : "yes");

describe("who may do what, over the wire", () => {
  it("is as written down here for every route and role", async () => {
    // Signing out is one of the routes, and ends whatever it is called with: that one gets tokens of its own.
    const rows: string[] = [];
    for (const name of Object.keys(paths) as RouteName[]) {
      const row: string[] = [name];
      for (const role of ROLES) {
        const secret = name === "signOut" ? (await installation.tokenOf(role)).secret : secrets[role];
        row.push(`${role} ${may(await statusOf(name, secret))}`);
      }
      row.push(`anybody ${may(await statusOf(name, null))}`);
      rows.push(row.join(", "));
    }
    expect(rows.join("\n")).toMatchInlineSnapshot(`
      "signIn, owner yes, deployer yes, viewer yes, ci yes, gateway yes, anybody yes
      signOut, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      me, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      createSignInLink, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      getSystem, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      getHealth, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      listTokens, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      createToken, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      revokeToken, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listServices, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      getService, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      planCanary, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      applyService, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      getNetlifyEdge, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listTargets, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listReleases, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      getRelease, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      ship, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      listDeployments, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      splitDeployment, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      getDeployment, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      getZeroTouch, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      previewZeroTouch, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      postInsightFacts, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      getDora, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listInsightDeployments, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listInsightIncidents, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listInsightConflicts, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      correctInsight, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      withdrawInsightCorrection, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      getAutomation, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listMigrations, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      contractSchema, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      planMigrations, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      baselineSchema, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      dumpSchema, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      undoBaseline, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listPromotions, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      promote, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      listPreviews, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      createPreview, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      keepPreview, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      removePreview, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      planRollback, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      rollBack, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listDeploymentPauses, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      resumeDeployments, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      getPipeline, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listChanges, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      getChange, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      exchangeToken, owner yes, deployer yes, viewer yes, ci yes, gateway yes, anybody yes
      cancelDeployment, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      overrideWindow, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      answerGate, owner yes, deployer yes, viewer yes, ci yes, gateway yes, anybody yes
      submitEvidence, owner yes, deployer yes, viewer -, ci yes, gateway -, anybody -
      listWaivers, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      createWaiver, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      revokeWaiver, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      getRollout, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listLooks, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      explainRollout, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      actOnRollout, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listLedger, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      getLedgerEntry, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      getLedgerProof, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      getCheckpoint, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      listSubjects, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      eraseSubject, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      getLedgerConsistency, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      verifyLedger, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      listBackups, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      createBackup, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      getBackup, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listPeople, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      addPerson, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      updatePerson, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      removePerson, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      createPersonLink, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listApprovals, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      getApproval, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      decideApproval, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listFreezes, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      addFreeze, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      liftFreeze, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listNotificationChannels, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      createNotificationChannel, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      updateNotificationChannel, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      deleteNotificationChannel, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      testNotificationChannel, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      rotateNotificationSecret, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listNotificationRules, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      createNotificationRule, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      updateNotificationRule, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      deleteNotificationRule, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listNotificationDeliveries, owner yes, deployer yes, viewer yes, ci -, gateway -, anybody -
      replayNotifications, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      listFlags, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      getFlag, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      putFlag, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      switchFlag, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      moveRollout, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      archiveFlag, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listFlagVersions, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      restoreFlag, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      previewFlag, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      explainFlag, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listFlagEnvironments, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      compareFlagEnvironments, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      putFlagEnvironment, owner yes, deployer -, viewer -, ci -, gateway -, anybody -
      proposeFlagChange, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      proposeFlagSegmentChange, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listFlagProposals, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      decideFlagProposal, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      getFlagResults, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      listFlagSegments, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      putFlagSegment, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      deleteFlagSegment, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      listFlagKeys, owner yes, deployer yes, viewer yes, ci yes, gateway -, anybody -
      createFlagKey, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      revokeFlagKey, owner yes, deployer yes, viewer -, ci -, gateway -, anybody -
      gatewayRouting, owner -, deployer -, viewer -, ci -, gateway yes, anybody -
      gatewayReport, owner -, deployer -, viewer -, ci -, gateway yes, anybody -"
    `);
  });

  it("says 401 to nobody and 403 to somebody who may not", async () => {
    const names = (Object.keys(paths) as RouteName[]).filter((name) => paths[name].action !== "public");
    for (const token of [null, "lk_made-up"]) {
      for (const name of names) expect(await statusOf(name, token), name).toBe(401);
    }
    for (const name of names) {
      const wrong = paths[name].action === "gateway.serve" ? "owner" : "gateway";
      expect(await statusOf(name, secrets[wrong]), name).toBe(403);
    }
  });

  it("keeps projects apart on every route that names one", async () => {
    const { secret } = await issue(installation.database.db, {
      project: "other",
      name: "owner of another project",
      role: "owner",
      kind: "token",
      ms: 60_000,
    });
    for (const name of Object.keys(paths) as RouteName[]) {
      if (!paths[name].path.includes(":project")) continue;
      expect(await statusOf(name, secret, "main"), name).toBe(403);
      expect(await statusOf(name, secret, "other"), name).not.toBe(403);
    }
  });

  it("writes nothing for a viewer", async () => {
    const viewer = installation.clientWith((await installation.tokenOf("viewer")).secret);
    const writes = [
      () => viewer.createToken({ body: { name: "mine", role: "owner" } }),
      () => viewer.createSignInLink({}),
      () => viewer.ship({ params: { project: "main", service: "shop" }, body: {} }),
      () => viewer.applyService({ body: { config: { name: "shop", source: ".", build: ["true"] }, root: "/" } }),
      () =>
        viewer.actOnRollout({
          params: { project: "main", rolloutId: "rol_1" },
          body: { action: "abort", reason: "x" },
        }),
    ];
    for (const write of writes) expect((await problemOf(write())).code).toBe("LK_FORBIDDEN");
    expect((await installation.owner.listServices({})).items).toEqual([]);
  });
});
