import type { Answer } from "@latchkey/api/client";
import { CliError, wrongUse } from "./problem.ts";
import type { Session } from "./session.ts";
import { plain } from "./text.ts";

/**
 * Whoever types a command knows the service, not the rollout's id. A target may be a rollout, a deployment, or a
 * service: then its rollout under way is meant, or, for those who only look, its newest one.
 */
export async function rolloutOf(
  session: Session,
  target: string,
  o: {
    readonly environment?: string | undefined;
    readonly mayBeOver: boolean;
  },
): Promise<string> {
  if (target.startsWith("rol_")) return target;
  if (target.startsWith("dep_")) return rolloutOfDeployment(session, target);
  const service = await session.client.getService({ params: { ...session.main, service: target } });
  const places = environmentsOf(service, o.environment).filter((e) => e.rolloutId !== null);
  const [place, another] = places;
  if (another)
    throw wrongUse(
      `${target} is being rolled out in ${places.map((e) => e.name).join(" and ")}.`,
      `Say where: --environment ${place?.name}.`,
    );
  if (place?.rolloutId) return place.rolloutId;
  const { items } = await session.client.listDeployments({
    params: session.main,
    query: { service: target, limit: 50 },
  });
  const last = items.find((d) => d.rolloutId !== null && (!o.environment || d.environment === o.environment));
  if (last?.rolloutId && o.mayBeOver) return last.rolloutId;
  throw new CliError({
    code: "LK_CLI_NO_ROLLOUT",
    title: "Nothing is being rolled out",
    detail: last
      ? `No rollout of ${target} is under way; the last one has ended (${plain(last.status)}).`
      : `${target} has never been rolled out.`,
    remedy: last ? `Why it ended: latchkey explain ${target}` : `Begin one: latchkey ship ${target} --wait`,
  });
}

async function rolloutOfDeployment(session: Session, deploymentId: string): Promise<string> {
  const deployment = await session.client.getDeployment({ params: { ...session.main, deploymentId } });
  if (deployment.rolloutId) return deployment.rolloutId;
  throw new CliError({
    code: "LK_CLI_NO_ROLLOUT",
    title: "No rollout",
    detail: `Deployment ${deploymentId} has no rollout: ${plain(deployment.status)}. ${deployment.words}`,
    remedy: `See its gates and its build: latchkey deployment ${deploymentId}`,
  });
}

function environmentsOf(service: Answer<"getService">, wanted: string | undefined) {
  const found = service.environments.filter((e) => wanted === undefined || e.name === wanted);
  if (found.length > 0) return found;
  const names = service.environments.map((e) => e.name);
  throw wrongUse(`${service.name} has no environment ${wanted}.`, `It has ${names.join(", ") || "none"}.`);
}

/** A deployment by its id, or a service's newest one. */
export async function deploymentOf(session: Session, target: string): Promise<string> {
  if (target.startsWith("dep_")) return target;
  await session.client.getService({ params: { ...session.main, service: target } });
  const { items } = await session.client.listDeployments({
    params: session.main,
    query: { service: target, limit: 1 },
  });
  const [newest] = items;
  if (newest) return newest.id;
  throw new CliError({
    code: "LK_CLI_NO_DEPLOYMENT",
    title: "Never deployed",
    detail: `${target} has never been deployed.`,
    remedy: `Begin: latchkey ship ${target} --wait`,
  });
}

/** A release by its id, or as people speak of it: leads/12, the twelfth release of leads. */
export async function releaseOf(session: Session, target: string): Promise<string> {
  const named = /^([a-z][a-z0-9-]*)\/(\d+)$/.exec(target);
  if (!named) {
    if (target.startsWith("rel_")) return target;
    throw wrongUse(`${target} is not a release.`, "Give its id (rel_...) or its number, such as leads/12.");
  }
  const [, service = "", number] = named;
  let cursor: string | null = null;
  do {
    const page: Answer<"listReleases"> = await session.client.listReleases({
      params: { ...session.main, service },
      query: { limit: 200, ...(cursor ? { cursor } : {}) },
    });
    const found = page.items.find((release) => release.number === Number(number));
    if (found) return found.id;
    cursor = page.next;
  } while (cursor);
  throw new CliError({
    code: "LK_CLI_NO_RELEASE",
    title: "No such release",
    detail: `${service} has no release ${number}.`,
    remedy: `List them: latchkey releases ${service}`,
  });
}
