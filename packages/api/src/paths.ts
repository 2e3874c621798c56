/**
 * Every route of the HTTP API: method, path, and the action that the authorisation table must grant.
 * Plain data without zod, so that the console's bundle holds only this. Bodies and answers are in
 * `contract.ts`, keyed by the same names; a name that stands in only one of them does not compile.
 */
export interface PathSpec {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** `public` needs no credential; anything else is looked up in the authorisation table. */
  readonly action: Action;
  /** Takes reports or folders of files: up to LARGE_BODY_MAX_BYTES, and compressed with gzip. */
  readonly large?: true;
}
/** Of a large body, before it is compressed: 10 MB of a report as JSON, with room. Other bodies have at most 1 MB. */
export const LARGE_BODY_MAX_BYTES = 16 * 1_048_576;

export const ACTIONS = [
  "public",
  "self.read",
  "system.read",
  "token.manage",
  "service.read",
  "service.write",
  "deployment.create",
  "rollout.act",
  "evidence.submit",
  "waiver.manage",
  "ledger.read",
  "backup.manage",
  "ledger.erase",
  "gateway.serve",
  "person.read",
  "person.manage",
  "approval.read",
  "approval.decide",
  "freeze.manage",
  "notification.read",
  "notification.manage",
  "flag.read",
  "flag.write",
  "flag.switch",
  "flag.protect",
  "insight.submit",
  "insight.correct",
] as const;
export type Action = (typeof ACTIONS)[number];

const P = "/api/v1/projects/:project";

export const paths = {
  signIn: { method: "POST", path: "/api/v1/sign-in", action: "public" },
  signOut: { method: "POST", path: "/api/v1/sign-out", action: "self.read" },
  me: { method: "GET", path: "/api/v1/me", action: "self.read" },
  createSignInLink: { method: "POST", path: "/api/v1/sign-in-links", action: "token.manage" },
  getSystem: { method: "GET", path: "/api/v1/system", action: "system.read" },
  getHealth: { method: "GET", path: "/api/v1/health", action: "system.read" },

  listTokens: { method: "GET", path: `${P}/tokens`, action: "token.manage" },
  createToken: { method: "POST", path: `${P}/tokens`, action: "token.manage" },
  revokeToken: { method: "DELETE", path: `${P}/tokens/:tokenId`, action: "token.manage" },

  listServices: { method: "GET", path: `${P}/services`, action: "service.read" },
  getService: { method: "GET", path: `${P}/services/:service`, action: "service.read" },
  planCanary: { method: "GET", path: `${P}/services/:service/plan`, action: "service.read" },
  applyService: { method: "POST", path: `${P}/services`, action: "service.write" },

  getNetlifyEdge: { method: "GET", path: `${P}/services/:service/netlify-edge`, action: "service.write" },
  listTargets: { method: "GET", path: `${P}/targets`, action: "service.read" },

  listReleases: { method: "GET", path: `${P}/services/:service/releases`, action: "service.read" },
  getRelease: { method: "GET", path: `${P}/releases/:releaseId`, action: "service.read" },

  ship: { method: "POST", path: `${P}/services/:service/ship`, action: "deployment.create" },
  listDeployments: { method: "GET", path: `${P}/deployments`, action: "service.read" },
  splitDeployment: { method: "POST", path: `${P}/deployments/:deploymentId/split`, action: "deployment.create" },
  getDeployment: { method: "GET", path: `${P}/deployments/:deploymentId`, action: "service.read" },

  getZeroTouch: { method: "GET", path: `${P}/deployments/:deploymentId/zero-touch`, action: "service.read" },
  previewZeroTouch: { method: "GET", path: `${P}/services/:service/zero-touch`, action: "service.read" },
  postInsightFacts: { method: "POST", path: `${P}/insights/facts`, action: "insight.submit", large: true },
  getDora: { method: "GET", path: `${P}/insights/dora`, action: "service.read" },
  listInsightDeployments: { method: "GET", path: `${P}/insights/deployments`, action: "service.read" },
  listInsightIncidents: { method: "GET", path: `${P}/insights/incidents`, action: "service.read" },
  listInsightConflicts: { method: "GET", path: `${P}/insights/conflicts`, action: "service.read" },
  correctInsight: { method: "POST", path: `${P}/insights/corrections`, action: "insight.correct" },
  withdrawInsightCorrection: {
    method: "POST",
    path: `${P}/insights/corrections/:correctionKey/withdrawal`,
    action: "insight.correct",
  },
  getAutomation: { method: "GET", path: `${P}/automation`, action: "service.read" },

  listMigrations: { method: "GET", path: `${P}/services/:service/migrations`, action: "service.read" },
  contractSchema: { method: "POST", path: `${P}/services/:service/migrations/contract`, action: "rollout.act" },
  planMigrations: {
    method: "POST",
    path: `${P}/services/:service/migrations/plan`,
    action: "service.read",
    large: true,
  },
  baselineSchema: {
    method: "POST",
    path: `${P}/services/:service/migrations/baseline`,
    action: "rollout.act",
    large: true,
  },
  dumpSchema: { method: "GET", path: `${P}/services/:service/migrations/dump`, action: "rollout.act" },
  undoBaseline: { method: "POST", path: `${P}/services/:service/migrations/baseline/undo`, action: "rollout.act" },
  listPromotions: { method: "GET", path: `${P}/services/:service/promotions`, action: "service.read" },
  promote: { method: "POST", path: `${P}/services/:service/promote`, action: "deployment.create" },

  listPreviews: { method: "GET", path: `${P}/previews`, action: "service.read" },
  createPreview: { method: "POST", path: `${P}/services/:service/previews`, action: "deployment.create" },
  // By its name, or by the number of its pull request.
  keepPreview: {
    method: "POST",
    path: `${P}/services/:service/previews/:preview/keep`,
    action: "deployment.create",
  },
  removePreview: {
    method: "POST",
    path: `${P}/services/:service/previews/:preview/remove`,
    action: "deployment.create",
  },

  planRollback: { method: "GET", path: `${P}/services/:service/rollback`, action: "service.read" },
  rollBack: { method: "POST", path: `${P}/services/:service/rollback`, action: "rollout.act" },
  listDeploymentPauses: { method: "GET", path: `${P}/deployment-pauses`, action: "service.read" },
  resumeDeployments: { method: "POST", path: `${P}/services/:service/resume-deployments`, action: "rollout.act" },

  getPipeline: { method: "GET", path: `${P}/pipeline`, action: "service.read" },
  listChanges: { method: "GET", path: `${P}/services/:service/changes`, action: "service.read" },
  getChange: { method: "GET", path: `${P}/services/:service/changes/:change`, action: "service.read" },
  exchangeToken: { method: "POST", path: "/api/v1/oidc/token", action: "public" },
  cancelDeployment: {
    method: "POST",
    path: `${P}/deployments/:deploymentId/cancellation`,
    action: "deployment.create",
  },
  // Who ships does not decide which checks count, and a window is one.
  overrideWindow: {
    method: "POST",
    path: `${P}/deployments/:deploymentId/window-override`,
    action: "waiver.manage",
  },
  // The token is all that is needed: it stands for one gate of one deployment, of whichever project.
  answerGate: { method: "POST", path: "/api/v1/deployments/:deploymentId/gates/:gate/result", action: "public" },

  submitEvidence: { method: "POST", path: `${P}/services/:service/evidence`, action: "evidence.submit", large: true },
  listWaivers: { method: "GET", path: `${P}/services/:service/waivers`, action: "service.read" },
  createWaiver: { method: "POST", path: `${P}/services/:service/waivers`, action: "waiver.manage" },
  revokeWaiver: { method: "DELETE", path: `${P}/services/:service/waivers/:waiverId`, action: "waiver.manage" },

  getRollout: { method: "GET", path: `${P}/rollouts/:rolloutId`, action: "service.read" },
  listLooks: { method: "GET", path: `${P}/rollouts/:rolloutId/looks`, action: "service.read" },
  explainRollout: { method: "GET", path: `${P}/rollouts/:rolloutId/explain`, action: "service.read" },
  actOnRollout: { method: "POST", path: `${P}/rollouts/:rolloutId/actions`, action: "rollout.act" },

  listLedger: { method: "GET", path: `${P}/ledger`, action: "ledger.read" },
  getLedgerEntry: { method: "GET", path: `${P}/ledger/entries/:sequence`, action: "ledger.read" },
  getLedgerProof: { method: "GET", path: `${P}/ledger/entries/:sequence/proof`, action: "ledger.read" },
  getCheckpoint: { method: "GET", path: `${P}/ledger/checkpoint`, action: "ledger.read" },
  listSubjects: { method: "GET", path: `${P}/ledger/subjects`, action: "ledger.erase" },
  eraseSubject: { method: "POST", path: `${P}/ledger/subjects/:subjectId/erasure`, action: "ledger.erase" },
  getLedgerConsistency: { method: "GET", path: `${P}/ledger/consistency`, action: "ledger.read" },
  verifyLedger: { method: "GET", path: `${P}/ledger/verification`, action: "ledger.read" },

  listBackups: { method: "GET", path: "/api/v1/backups", action: "backup.manage" },
  createBackup: { method: "POST", path: "/api/v1/backups", action: "backup.manage" },
  getBackup: { method: "GET", path: "/api/v1/backups/:backupId", action: "backup.manage" },

  listPeople: { method: "GET", path: `${P}/people`, action: "person.read" },
  addPerson: { method: "POST", path: `${P}/people`, action: "person.manage" },
  updatePerson: { method: "PUT", path: `${P}/people/:personId`, action: "person.manage" },
  removePerson: { method: "DELETE", path: `${P}/people/:personId`, action: "person.manage" },
  createPersonLink: { method: "POST", path: `${P}/people/:personId/sign-in-links`, action: "person.manage" },
  listApprovals: { method: "GET", path: `${P}/approvals`, action: "approval.read" },
  getApproval: { method: "GET", path: `${P}/approvals/:approvalId`, action: "approval.read" },
  decideApproval: { method: "POST", path: `${P}/approvals/:approvalId/decisions`, action: "approval.decide" },
  listFreezes: { method: "GET", path: `${P}/freezes`, action: "service.read" },
  addFreeze: { method: "POST", path: `${P}/freezes`, action: "freeze.manage" },
  liftFreeze: { method: "DELETE", path: `${P}/freezes/:freezeId`, action: "freeze.manage" },

  listNotificationChannels: { method: "GET", path: `${P}/notifications/channels`, action: "notification.read" },
  createNotificationChannel: { method: "POST", path: `${P}/notifications/channels`, action: "notification.manage" },
  updateNotificationChannel: {
    method: "PUT",
    path: `${P}/notifications/channels/:channelId`,
    action: "notification.manage",
  },
  deleteNotificationChannel: {
    method: "DELETE",
    path: `${P}/notifications/channels/:channelId`,
    action: "notification.manage",
  },
  testNotificationChannel: {
    method: "POST",
    path: `${P}/notifications/channels/:channelId/test`,
    action: "notification.manage",
  },
  rotateNotificationSecret: {
    method: "POST",
    path: `${P}/notifications/channels/:channelId/secret`,
    action: "notification.manage",
  },
  listNotificationRules: { method: "GET", path: `${P}/notifications/rules`, action: "notification.read" },
  createNotificationRule: { method: "POST", path: `${P}/notifications/rules`, action: "notification.manage" },
  updateNotificationRule: { method: "PUT", path: `${P}/notifications/rules/:ruleId`, action: "notification.manage" },
  deleteNotificationRule: { method: "DELETE", path: `${P}/notifications/rules/:ruleId`, action: "notification.manage" },
  listNotificationDeliveries: { method: "GET", path: `${P}/notifications/deliveries`, action: "notification.read" },
  replayNotifications: { method: "POST", path: `${P}/notifications/deliveries/replay`, action: "notification.manage" },

  listFlags: { method: "GET", path: `${P}/flags`, action: "flag.read" },
  getFlag: { method: "GET", path: `${P}/flags/:flag`, action: "flag.read" },
  putFlag: { method: "PUT", path: `${P}/flags/:flag`, action: "flag.write" },
  switchFlag: { method: "POST", path: `${P}/flags/:flag/switch`, action: "flag.switch" },
  moveRollout: { method: "POST", path: `${P}/flags/:flag/rollout`, action: "flag.switch" },
  archiveFlag: { method: "POST", path: `${P}/flags/:flag/archive`, action: "flag.write" },
  listFlagVersions: { method: "GET", path: `${P}/flags/:flag/versions`, action: "flag.read" },
  restoreFlag: { method: "POST", path: `${P}/flags/:flag/restore`, action: "flag.write" },
  previewFlag: { method: "POST", path: `${P}/flags/:flag/preview`, action: "flag.read" },
  explainFlag: { method: "POST", path: `${P}/flags/:flag/explain`, action: "flag.read" },
  listFlagEnvironments: { method: "GET", path: `${P}/flag-environments`, action: "flag.read" },
  compareFlagEnvironments: { method: "GET", path: `${P}/flag-environments/compare`, action: "flag.read" },
  putFlagEnvironment: { method: "PUT", path: `${P}/flag-environments/:environment`, action: "flag.protect" },
  proposeFlagChange: { method: "POST", path: `${P}/flags/:flag/proposals`, action: "flag.write" },
  proposeFlagSegmentChange: { method: "POST", path: `${P}/flag-segments/:segment/proposals`, action: "flag.write" },
  listFlagProposals: { method: "GET", path: `${P}/flag-proposals`, action: "flag.read" },
  decideFlagProposal: { method: "POST", path: `${P}/flag-proposals/:proposal/decide`, action: "flag.write" },
  getFlagResults: { method: "GET", path: `${P}/flags/:flag/results`, action: "flag.read" },
  listFlagSegments: { method: "GET", path: `${P}/flag-segments`, action: "flag.read" },
  putFlagSegment: { method: "PUT", path: `${P}/flag-segments/:segment`, action: "flag.write" },
  deleteFlagSegment: { method: "DELETE", path: `${P}/flag-segments/:segment`, action: "flag.write" },
  listFlagKeys: { method: "GET", path: `${P}/flag-keys`, action: "flag.read" },
  createFlagKey: { method: "POST", path: `${P}/flag-keys`, action: "flag.write" },
  revokeFlagKey: { method: "DELETE", path: `${P}/flag-keys/:keyId`, action: "flag.write" },

  gatewayRouting: { method: "GET", path: "/api/v1/gateway/routing", action: "gateway.serve" },
  gatewayReport: { method: "POST", path: "/api/v1/gateway/reports", action: "gateway.serve" },
} as const satisfies Record<string, PathSpec>;

export type RouteName = keyof typeof paths;
