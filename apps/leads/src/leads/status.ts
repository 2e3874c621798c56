/** The pipeline of a lead. Apart from the schemas, so that the page carries no validator. */
export const STATUSES = ["new", "contacted", "qualified", "nurturing", "converted", "disqualified", "lost"] as const;
export type Status = (typeof STATUSES)[number];

/** Where a lead may go from each status. An end stays an end. */
export const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  new: ["contacted", "disqualified", "lost"],
  contacted: ["qualified", "disqualified", "lost"],
  qualified: ["nurturing", "converted", "disqualified", "lost"],
  nurturing: ["qualified", "converted", "disqualified", "lost"],
  converted: [],
  disqualified: [],
  lost: [],
};
