/** Reading the parser's tree, in which whatever is empty is left out. */
export type Node = Readonly<Record<string, unknown>>;

export const node = (value: unknown): Node => (typeof value === "object" && value !== null ? (value as Node) : {});
export const list = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.map(node) : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
/** A relation's name, with its schema where one is written. */
export const tableOf = (statement: Node, field = "relation"): string => {
  const { schemaname, relname } = node(statement[field]);
  return schemaname === undefined ? text(relname) : `${text(schemaname)}.${text(relname)}`;
};
