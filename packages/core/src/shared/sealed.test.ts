import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SEALED, sealedForm, showsTheSame, subjectOf } from "./sealed.ts";

const id = `sub_${"0a".repeat(16)}`;
const form = fc
  .uint8Array({ minLength: 28, maxLength: 90 })
  .map((bytes) => sealedForm(id, Buffer.from(bytes).toString("base64url")));
/** Text as people write it, with nothing in it that is sealed. */
const plain = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("sealed("));

describe("sealed text", () => {
  it("is found again wherever it stands, in plain text and in JSON", () => {
    fc.assert(
      fc.property(plain, form, plain, (before, sealed, after) => {
        expect(`${before}${sealed}${after}`.match(SEALED)).toEqual([sealed]);
        expect(JSON.stringify({ words: `${before}${sealed}${after}` }).match(SEALED)).toEqual([sealed]);
        expect(subjectOf(sealed)).toBe(id);
        if (before !== "") expect(subjectOf(`${before}${sealed}`)).toBeNull();
      }),
    );
  });

  it("may be shown as anything, and all around it only as it is", () => {
    fc.assert(
      fc.property(plain, form, plain, plain, (before, sealed, after, said) => {
        const written = { n: 1, list: [{ words: `${before}${sealed}${after}` }], none: null };
        const shown = (words: string) => ({ none: null, n: 1, list: [{ words }] });
        expect(showsTheSame(written, shown(`${before}${said}${after}`))).toBe(true);
        expect(showsTheSame(shown(`a${sealed}c`), shown(`b${said}c`))).toBe(false);
        expect(showsTheSame(shown(`a${sealed}c`), shown(`a${said}d`))).toBe(false);
        expect(showsTheSame(written, { ...shown(`${before}${said}${after}`), more: 1 })).toBe(false);
        expect(showsTheSame(written, { ...shown(`${before}${said}${after}`), n: 2 })).toBe(false);
      }),
    );
  });

  it("is the only thing that may differ", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
        expect(showsTheSame(same(a), same(a))).toBe(true);
        if (JSON.stringify(a) !== JSON.stringify(b) && typeof a !== "object") expect(showsTheSame(a, b)).toBe(false);
      }),
    );
  });
});
