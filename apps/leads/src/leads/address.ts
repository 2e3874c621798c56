/** An address as people write it in one line: street, city, state and ZIP. */
export interface Address {
  readonly address: string;
  readonly city: string;
  readonly state: string;
  readonly zip: string;
}

/** For `pattern` of an input, and for reading what it let pass. */
export const ADDRESS_LINE = String.raw`\s*(.+?)\s*,\s*([^,]+?)\s*,\s*([A-Za-z]{2})[\s,]+(\d{5}(?:-\d{4})?)\s*`;

/** Null for what is no such line. "12 Main St, Apt 4, Austin, TX 78701": what stands before the city is the street's. */
export function readAddress(line: string): Address | null {
  const [, address, city, state, zip] = new RegExp(`^${ADDRESS_LINE}$`).exec(line) ?? [];
  if (!address || !city || !state || !zip) return null;
  return { address, city, state: state.toUpperCase(), zip };
}
