import { createHash, createPublicKey, verify } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { ORIGIN, openSigner } from "./checkpoints.ts";

const dir = temporaryDirectory();
afterAll(() => removeDirectory(dir));
const file = join(dir, "ledger.key");
/** SubjectPublicKeyInfo of Ed25519 before the raw key (RFC 8410). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

describe("a checkpoint's note", () => {
  const signer = openSigner(file);
  const root = createHash("sha256").update("a root").digest();
  const note = signer.sign(42, root);
  const [text = "", signatureLine = ""] = note.split("\n\n");

  it("has the origin, the size and the root, one to a line (C2SP tlog-checkpoint)", () => {
    expect(`${text}\n`).toBe(`${ORIGIN}\n42\n${root.toString("base64")}\n`);
  });

  it("is signed by the key that is told, as anybody can check (C2SP signed-note)", () => {
    const [dash, name, encoded = ""] = signatureLine.trimEnd().split(" ");
    expect([dash, name]).toEqual(["\u2014", ORIGIN]);
    const signature = Buffer.from(encoded, "base64");
    const raw = Buffer.from(signer.publicKey, "base64");
    const keyHash = createHash("sha256").update(`${ORIGIN}\n\u0001`).update(raw).digest().subarray(0, 4);
    expect(signature.subarray(0, 4)).toEqual(keyHash);
    const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
    expect(verify(null, Buffer.from(`${text}\n`), key, signature.subarray(4))).toBe(true);
    expect(verify(null, Buffer.from(`${text.replace("42", "43")}\n`), key, signature.subarray(4))).toBe(false);
  });

  it("is signed by the same key after a restart, which only its owner may read", () => {
    expect(openSigner(file).publicKey).toBe(signer.publicKey);
    expect(openSigner(file).sign(42, root)).toBe(note);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
