import { z } from "zod";
import { STATUSES, type Status } from "./status.ts";

export { NEXT, STATUSES, type Status } from "./status.ts";

const text = (max: number) => z.string().trim().min(1).max(max);
export const NewLead = z.strictObject({
  contact: z.strictObject({
    name: text(120),
    email: z.email().max(200),
    phone: z.string().regex(/^[0-9+() .-]{7,25}$/, "7 to 25 digits and separators"),
  }),
  property: z.strictObject({
    address: text(200),
    city: text(100),
    state: z.string().regex(/^[A-Z]{2}$/, "two capital letters, such as TX"),
    zip: z.string().regex(/^\d{5}(-\d{4})?$/, "5 digits, or 5 and 4"),
    type: z.enum(["single_family", "multi_family", "condo", "land", "commercial"]),
    valueCents: z.int().min(0).max(100_000_000_000).optional(),
  }),
  source: z.enum(["website", "referral", "phone", "direct_mail", "advertisement"]).default("website"),
  message: z.string().trim().max(2000).default(""),
  /** A field that people do not see: whoever fills it in is no person. */
  website: z.string().max(200).default(""),
});
export type NewLead = z.infer<typeof NewLead>;

export interface Lead {
  readonly id: string;
  readonly createdAt: string;
  readonly status: Status;
  readonly contact: NewLead["contact"];
  readonly property: NewLead["property"];
  readonly source: NewLead["source"];
  readonly message: string;
  readonly duplicateOf: string | null;
}
export interface Note {
  readonly id: string;
  readonly createdAt: string;
  readonly author: string;
  readonly body: string;
}

export const StatusChange = z.strictObject({ status: z.enum(STATUSES) });
export const NewNote = z.strictObject({ author: text(80).default("Team"), body: text(4000) });
export const ListQuery = z.object({
  status: z.enum(STATUSES).optional(),
  q: z.string().max(100).optional(),
  cursor: z.string().max(80).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(25),
});
export type ListQuery = z.infer<typeof ListQuery>;
