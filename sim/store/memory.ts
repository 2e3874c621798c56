import {
  deploymentAnswers,
  gatewayAnswers,
  minuteAnswers,
  processAnswers,
  releaseAnswers,
  rolloutAnswers,
  sliceAnswers,
} from "./delivery.ts";
import {
  accessAnswers,
  approvalAnswers,
  catalogAnswers,
  freezeAnswers,
  leaseAnswers,
  ledgerAnswers,
  pauseAnswers,
  previewAnswers,
  routingAnswers,
} from "./rest.ts";
import type { Session } from "./tables.ts";

type Answer = (session: Session, ...args: never[]) => unknown;

/** Every operation that the memory store answers, by its name. */
export const ANSWERS_BY_NAME: Readonly<Record<string, Answer>> = {
  ...rolloutAnswers,
  ...deploymentAnswers,
  ...releaseAnswers,
  ...gatewayAnswers,
  ...minuteAnswers,
  ...sliceAnswers,
  ...processAnswers,
  ...catalogAnswers,
  ...approvalAnswers,
  ...freezeAnswers,
  ...previewAnswers,
  ...pauseAnswers,
  ...routingAnswers,
  ...ledgerAnswers,
  ...leaseAnswers,
  ...accessAnswers,
};

/** Answers one operation in a session; throws where the memory store knows none of that name. */
export async function answerInMemory(session: Session, name: string, args: readonly unknown[]): Promise<unknown> {
  const answer = ANSWERS_BY_NAME[name];
  if (!answer) throw new Error(`The memory store does not answer "${name}": add it to sim/store.`);
  return (answer as (session: Session, ...args: unknown[]) => unknown)(session, ...args);
}
