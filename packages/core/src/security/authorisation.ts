/**
 * The one authorisation table: principal x action, deny by default. An action that is not named for a role is
 * refused, so a new route is closed until somebody opens it here.
 */
export const ROLES = ["owner", "deployer", "viewer", "ci", "gateway"] as const;
export type Role = (typeof ROLES)[number];

const GRANTS: Readonly<Record<Role, readonly string[]>> = {
  owner: [
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
  ],
  // Who ships does not decide which checks count: waivers are the owner's.
  deployer: [
    "self.read",
    "system.read",
    "service.read",
    "ledger.read",
    "person.read",
    "approval.read",
    "approval.decide",
    "freeze.manage",
    "notification.read",
    "deployment.create",
    "rollout.act",
    "evidence.submit",
    "flag.read",
    "flag.write",
    "flag.switch",
    "insight.submit",
    "insight.correct",
  ],
  viewer: [
    "self.read",
    "system.read",
    "service.read",
    "ledger.read",
    "person.read",
    "approval.read",
    "notification.read",
    "flag.read",
  ],
  // A pipeline outside: it asks for deployments and reads how they do, and decides nothing.
  ci: ["self.read", "service.read", "deployment.create", "evidence.submit", "flag.read", "insight.submit"],
  gateway: ["gateway.serve"],
};

/** May this role do this, in this project? `project` is the token's own; null means that the route has none. */
export function isAllowed(role: Role, action: string, ownProject: string, project: string | null): boolean {
  if (project !== null && project !== ownProject) return false;
  return Object.hasOwn(GRANTS, role) && GRANTS[role].includes(action);
}

/** Every action that some role is granted: a test holds it against the API's list. */
export const grantedActions = (): readonly string[] => [...new Set(Object.values(GRANTS).flat())].sort();
