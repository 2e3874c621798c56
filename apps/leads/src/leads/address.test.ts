import { describe, expect, it } from "vitest";
import { ADDRESS_LINE, readAddress } from "./address.ts";

describe("an address in one line", () => {
  it.each([
    ["1 Main St, Austin, TX 78701", ["1 Main St", "Austin", "TX", "78701"]],
    [" 12 Main St , Apt 4,  San Antonio, tx, 78205-1234 ", ["12 Main St , Apt 4", "San Antonio", "TX", "78205-1234"]],
  ])("is read: %s", (line, [address, city, state, zip]) => {
    expect(readAddress(line)).toEqual({ address, city, state, zip });
  });
  it.each(["", "1 Main St", "1 Main St, Austin TX 78701", "1 Main St, Austin, Texas 78701", ", , TX 78701"])(
    "is none: %s",
    (line) => {
      expect(readAddress(line)).toBeNull();
      // Browsers compile `pattern` with the flag v.
      expect(new RegExp(`^(?:${ADDRESS_LINE})$`, "v").test(line)).toBe(false);
    },
  );
});
