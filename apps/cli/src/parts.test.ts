import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkCheckpoint, checkConsistency, checkProof } from "./ledger-proof.ts";
import { SseParser } from "./stream.ts";
import { consistency, proof } from "./testkit/examples.ts";
import { clip, duration, parseDuration, styleFor, table } from "./text.ts";

describe("proofs of the ledger", () => {
  const holds = (changed: object, key: string | null = null) =>
    checkProof({ ...proof, ...changed }, key).every((check) => check.ok);
  it("holds as it was made, and with the key that was noted", () => {
    expect(holds({})).toBe(true);
    expect(holds({}, proof.checkpoint.publicKey)).toBe(true);
  });
  it.each([
    ["bytes", { canonical: proof.canonical.replace("10 %", "90 %") }],
    ["path", { proof: [proof.leafHash] }],
    ["shortened path", { proof: [] }],
    ["shown entry", { entry: { ...proof.entry, data: { words: "It takes 90 %." } } }],
    ["size", { checkpoint: { ...proof.checkpoint, size: 3 } }],
    ["root", { checkpoint: { ...proof.checkpoint, rootHash: proof.leafHash } }],
    ["note", { checkpoint: { ...proof.checkpoint, note: proof.checkpoint.note.replace("\n2\n", "\n3\n") } }],
    ["signature", { checkpoint: { ...proof.checkpoint, note: `${proof.checkpoint.note.slice(0, -9)}AAAAAAA=\n` } }],
    ["key", { checkpoint: { ...proof.checkpoint, publicKey: Buffer.alloc(32, 1).toString("base64") } }],
  ])("a changed %s is found", (_, changed) => {
    expect(holds(changed)).toBe(false);
  });
  it("of a smaller ledger holds, with the root that was kept, and not with anything else in it", () => {
    const holds = (changed: object, root: string | null = null) =>
      checkConsistency({ ...consistency, ...changed }, root, null).every((check) => check.ok);
    const { from, to } = consistency;
    expect(holds({})).toBe(true);
    expect(holds({}, from.rootHash)).toBe(true);
    expect(holds({}, to.rootHash)).toBe(false);
    expect(holds({ proof: [] })).toBe(false);
    expect(holds({ proof: [from.rootHash] })).toBe(false);
    expect(holds({ from: { ...from, rootHash: to.rootHash } })).toBe(false);
    expect(holds({ to: { ...to, rootHash: from.rootHash } })).toBe(false);
  });
  it("refuses another key than the one that was noted", () => {
    expect(checkCheckpoint(proof.checkpoint, "another").ok).toBe(false);
  });
});

describe("server-sent events", () => {
  it("are the same however the bytes are cut", () => {
    const text =
      ': open\n\nid: 7\nevent: ledger\ndata: {"a":\ndata: 1}\n\nevent: heartbeat\r\ndata: {}\r\n\r\nevent: none\n\n';
    const whole = new SseParser().push(text);
    expect(whole).toEqual([
      { event: "ledger", data: '{"a":\n1}', id: "7" },
      { event: "heartbeat", data: "{}", id: null },
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...[...cuts].sort((a, b) => a - b), text.length];
        const parser = new SseParser();
        expect(at.slice(1).flatMap((end, i) => parser.push(text.slice(at[i], end)))).toEqual(whole);
      }),
    );
  });
});

describe("words", () => {
  it.each([
    ["90s", 90_000],
    ["10m", 600_000],
    ["1.5h", 5_400_000],
    ["45", 45_000],
    ["50ms", 50],
    ["soon", null],
    ["-5s", null],
    ["", null],
  ])("reads the time %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  it("says times shortly", () => {
    expect([0, 45_000, 200_000, 7_200_000].map(duration)).toEqual(["0 s", "45 s", "3 min", "2 h"]);
  });
  it("lines columns up, whatever their colours", () => {
    const style = styleFor({ env: { FORCE_COLOR: "1" }, isInteractive: false });
    const lines = table(
      ["a", "b"],
      [
        [style.good("long one"), "x"],
        ["s", "y"],
      ],
    ).split("\n");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
    const bare = lines.map((line) => line.replace(/\u001b\[\d+m/g, ""));
    expect(bare).toEqual(["a         b", "long one  x", "s         y"]);
  });
  it.each([
    [{ env: {}, isInteractive: true }, true],
    [{ env: {}, isInteractive: false }, false],
    [{ env: { NO_COLOR: "1" }, isInteractive: true }, false],
    [{ env: { NO_COLOR: "1", FORCE_COLOR: "1" }, isInteractive: true }, false],
    [{ env: { TERM: "dumb" }, isInteractive: true }, false],
  ])("colours by %j: %s", (given, coloured) => {
    expect(styleFor(given).good("x") !== "x").toBe(coloured);
  });
  it("clips to one line", () => {
    expect(clip("two\nlines and more", 9)).toBe("two line…");
  });
});
