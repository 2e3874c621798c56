// @ts-check
import { createHash, createPublicKey, hash as oneShot, verify as verifySignature } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

/**
 * Checks an export of a Latchkey ledger. Written apart from the server on purpose: two programs that agree are better
 * evidence than one that agrees with itself. Tree hashes: RFC 6962, section 2.1. Notes: C2SP signed-note.
 */
export const FORMAT = "latchkey-ledger-export/1";
const LINE_MAX = 10_000_000;
const LF = 10;
/** Read at once: large enough that what is carried over between two parts, half a line, does not count. */
const PART_BYTES = 1 << 20;

/**
 * @typedef {{ origin: string, publicKey: string, first: number, count: number, checkpoint: string, before: string[], after: string[] }} Manifest
 * @typedef {{ ok: true, words: string, entries: number, first: number, size: number, root: string, publicKey: string } | { ok: false, words: string }} Verdict
 * @typedef {{ size: number, root: string }} Checkpoint
 * @typedef {{ sequence: number, oldKey: string, newKey: string, signedSize: number }} KeyChange
 */

/** What is wrong with the export: told, never thrown outward. */
class Wrong extends Error {}

/**
 * Hashes go as strings of 32 bytes (latin1): of a million entries two million are made, and a Buffer costs thrice as much.
 * @type {(bytes: Buffer) => string}
 */
const sha256 =
  typeof oneShot === "function"
    ? (bytes) => oneShot("sha256", bytes, "latin1")
    : (bytes) => createHash("sha256").update(bytes).digest("latin1");
const HASH_BYTES = 32;

/**
 * Checks a file. `key` is the ledger's public key (base64) as known from elsewhere, `held` a checkpoint that was kept.
 * @param {string} file
 * @param {{ key?: string, held?: string }} [known]
 * @returns {Promise<Verdict>}
 */
export async function verifyExport(file, known = {}) {
  try {
    return await check(file, known);
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, words: error.message };
    const reason = /** @type {NodeJS.ErrnoException} */ (error);
    return { ok: false, words: `The file can't be read: ${reason.code ?? reason.message}.` };
  }
}

/** @param {string} file @param {{ key?: string, held?: string }} known @returns {Promise<Verdict>} */
async function check(file, known) {
  const reading = new Reading(known);
  const digest = readLines(file, (leaf) => reading.take(leaf));
  return reading.conclude(digest);
}

/** What was read of a file so far. */
class Reading {
  /** @type {Manifest | null} */
  #manifest = null;
  /** @type {string | null} */
  #signature = null;
  #tree = new Tree();
  /** @type {Checkpoint | null} */
  #held = null;
  /** @type {KeyChange[]} */
  #changes = [];
  #first = true;
  #entries = 0;
  #known;

  /** @param {{ key?: string, held?: string }} known */
  constructor(known) {
    this.#known = known;
  }

  /** True while lines belong to what is signed. @param {Buffer} leaf the line, and a zero before it */
  take(leaf) {
    const manifest = this.#manifest;
    if (this.#signature !== null) throw new Wrong("There is something after the signature.");
    if (manifest !== null && this.#entries < manifest.count) {
      this.#entry(leaf, manifest.first + this.#entries);
      return true;
    }
    const line = leaf.subarray(1);
    if (this.#first) {
      if (line.toString("latin1") !== FORMAT) throw new Wrong(`The first line is not "${FORMAT}".`);
      this.#first = false;
    } else if (manifest === null) this.#begin(line);
    else {
      const text = line.toString("latin1");
      if (!text.startsWith("signature "))
        throw new Wrong(`After ${manifest.count} entries the signature was expected.`);
      this.#signature = text.slice("signature ".length);
      return false;
    }
    return true;
  }

  /** @param {Buffer} line */
  #begin(line) {
    const manifest = readManifest(line.toString("utf8"));
    if (this.#known.held !== undefined) this.#held = readNote(this.#known.held, manifest.origin);
    this.#tree.begin(manifest);
    if (this.#held !== null && manifest.first > 0)
      throw new Wrong("A kept checkpoint needs an export from entry 0 on.");
    this.#manifest = manifest;
  }

  /** @param {Buffer} leaf @param {number} sequence */
  #entry(leaf, sequence) {
    checkNumber(leaf, sequence);
    this.#tree.leaf(leaf);
    if (endsWith(leaf, KEY_CHANGED)) this.#changes.push(readKeyChange(leaf.subarray(1), sequence));
    this.#entries += 1;
    const held = this.#held;
    if (held !== null && held.size === this.#tree.size && this.#tree.root() !== held.root)
      throw new Wrong(`The first ${held.size} entries are not those of the kept checkpoint: history was rewritten.`);
  }

  /** @param {string} digest of all that is signed @returns {Verdict} */
  conclude(digest) {
    if (this.#manifest === null || this.#signature === null)
      throw new Wrong("The file ends early: its last line, the signature, is missing.");
    checkKey(this.#manifest, this.#changes, this.#known.key);
    checkSignature(this.#manifest, this.#signature, digest);
    return conclude(this.#manifest, this.#tree, { held: this.#held, changes: this.#changes }, this.#known);
  }
}

/**
 * @param {Manifest} manifest @param {Tree} tree @param {{ held: Checkpoint | null, changes: KeyChange[] }} read
 * @param {{ key?: string, held?: string }} known @returns {Verdict}
 */
function conclude(manifest, tree, { held, changes }, known) {
  const checkpoint = openNote(manifest.checkpoint, manifest.origin, manifest.publicKey);
  const newest = changes.at(-1);
  if (newest && manifest.first + manifest.count === checkpoint.size && newest.newKey !== manifest.publicKey)
    throw new Wrong(`Entry ${newest.sequence} changed the ledger's key to another one than the file is signed with.`);
  // Signed by the key of its time: the entries themselves, proved by the tree, say which one that was.
  const change = changes.find((c) => held !== null && held.size <= c.signedSize);
  if (known.held !== undefined) openNote(known.held, manifest.origin, change?.oldKey ?? manifest.publicKey);
  if (held !== null && held.size > checkpoint.size)
    throw new Wrong(
      `The kept checkpoint has ${held.size} entries, this ledger only ${checkpoint.size}: its end is missing.`,
    );
  tree.end(manifest, checkpoint.size);
  if (tree.root() !== checkpoint.root)
    throw new Wrong(
      "The entries do not have the root that was signed: an entry was changed, added, left out or moved.",
    );
  const of =
    manifest.count === checkpoint.size
      ? "the whole ledger"
      : `entries ${manifest.first} to ${manifest.first + manifest.count - 1} of ${checkpoint.size}`;
  const whose =
    known.key === undefined
      ? `The key in the file is ${manifest.publicKey}: make sure that it is the ledger's, or give it with --key.`
      : "They are signed with the key that was given.";
  const bears = change ? `, which bears the ledger's earlier key ${change.oldKey}` : "";
  const since =
    (held === null ? "" : ` The first ${held.size} are those of the kept checkpoint${bears}.`) +
    changes.map((c) => ` At entry ${c.sequence} the ledger's key was changed to ${c.newKey}.`).join("");
  return {
    ok: true,
    words: `${manifest.count} entries, ${of}: none changed, none missing, in their order.${since} ${whose}`,
    entries: manifest.count,
    first: manifest.first,
    size: checkpoint.size,
    root: Buffer.from(checkpoint.root, "latin1").toString("hex"),
    publicKey: manifest.publicKey,
  };
}

/** The last field of an entry, as canonical JSON orders them, is its type. */
const KEY_CHANGED = Buffer.from('"type":"ledger.key.changed"}', "latin1");

/** @param {Buffer} line @param {Buffer} end */
const endsWith = (line, end) =>
  line.length >= end.length && line.compare(end, 0, end.length, line.length - end.length) === 0;

/** @param {Buffer} line @param {number} sequence @returns {KeyChange} */
function readKeyChange(line, sequence) {
  try {
    const { data } = JSON.parse(line.toString("utf8"));
    const { oldPublicKey: oldKey, newPublicKey: newKey, signedSize } = data;
    if (rawKey(oldKey) !== null && rawKey(newKey) !== null && Number.isSafeInteger(signedSize))
      return { sequence, oldKey, newKey, signedSize };
  } catch {
    // It is told below.
  }
  throw new Wrong(`Entry ${sequence} tells of a change of key, but not of which.`);
}

/** The keys must follow one another up to the one that the file is signed with. @param {Manifest} manifest @param {KeyChange[]} changes @param {string | undefined} known */
function checkKey(manifest, changes, known) {
  for (const [i, change] of changes.entries())
    if ((changes[i + 1]?.oldKey ?? change.newKey) !== change.newKey)
      throw new Wrong(`The key that entry ${change.sequence} changed to is not the one that was changed later.`);
  if (known === undefined || known === manifest.publicKey) return;
  const change = changes.find((c) => c.oldKey === known);
  throw new Wrong(
    change
      ? `The key that was given was replaced at entry ${change.sequence}; the file is signed with ${manifest.publicKey}. Ask somebody you trust whether that is so, and give the new one.`
      : "The file names another key than the one that was given: it is not of this ledger.",
  );
}

/** @param {string} text @returns {Manifest} */
function readManifest(text) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Wrong("The second line, the manifest, is not JSON.");
  }
  const m = /** @type {Partial<Manifest>} */ (value ?? {});
  const whole = (/** @type {unknown} */ n) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0;
  const hashes = (/** @type {unknown} */ list) =>
    Array.isArray(list) && list.length <= 64 && list.every((h) => typeof h === "string" && /^[0-9a-f]{64}$/.test(h));
  const good =
    typeof m.origin === "string" &&
    typeof m.publicKey === "string" &&
    rawKey(m.publicKey) !== null &&
    typeof m.checkpoint === "string" &&
    whole(m.first) &&
    whole(m.count) &&
    hashes(m.before) &&
    hashes(m.after);
  if (!good) throw new Wrong("The manifest lacks a field, or has one of another form.");
  return /** @type {Manifest} */ (m);
}

/** The 32 bytes of a public key in the one base64 spelling that they have; null for anything else. @param {string} text */
function rawKey(text) {
  const raw = strictBase64(text);
  return raw?.length === 32 ? raw : null;
}

/** @param {string} text @returns {Buffer | null} */
function strictBase64(text) {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

/** @param {string} publicKey */
function keyOf(publicKey) {
  // SubjectPublicKeyInfo of Ed25519 (RFC 8410): a fixed head and the 32 bytes.
  const head = Buffer.from("302a300506032b6570032100", "hex");
  const raw = rawKey(publicKey) ?? Buffer.alloc(0);
  return { raw, key: createPublicKey({ key: Buffer.concat([head, raw]), format: "der", type: "spki" }) };
}

/** @param {Manifest} manifest @param {string} signature @param {string} digest */
function checkSignature(manifest, signature, digest) {
  const bytes = strictBase64(signature);
  const said = Buffer.from(`${FORMAT}\n${digest}`, "utf8");
  if (bytes === null || !verifySignature(null, said, keyOf(manifest.publicKey).key, bytes))
    throw new Wrong("The file's own signature does not hold: something in it was changed after it was written.");
}

const WRONG_NOTE = "The checkpoint is not one of this ledger, or its signature does not hold.";

/** What a note says, unsigned as yet: origin, size, root. @param {string} note @param {string} origin @returns {Checkpoint} */
function readNote(note, origin) {
  const [name, size, root] = note.split("\n");
  const rootBytes = strictBase64(root ?? "");
  if (name !== origin || !/^(0|[1-9]\d{0,15})$/.test(size ?? "") || rootBytes?.length !== 32)
    throw new Wrong(WRONG_NOTE);
  return { size: Number(size), root: rootBytes.toString("latin1") };
}

/** Opens a signed checkpoint. @param {string} note @param {string} origin @param {string} publicKey @returns {Checkpoint} */
function openNote(note, origin, publicKey) {
  const said = readNote(note, origin);
  const [name, size, root, blank, signed, ...rest] = note.split("\n");
  const { raw, key } = keyOf(publicKey);
  const mark = `\u2014 ${origin} `;
  if (blank !== "" || rest.join() !== "" || !signed?.startsWith(mark)) throw new Wrong(WRONG_NOTE);
  const bytes = strictBase64(signed.slice(mark.length));
  const id = createHash("sha256")
    .update(`${origin}\n`)
    .update(Buffer.from([1]))
    .update(raw)
    .digest();
  const text = Buffer.from(`${name}\n${size}\n${root}\n`, "utf8");
  if (
    bytes === null ||
    !bytes.subarray(0, 4).equals(id.subarray(0, 4)) ||
    !verifySignature(null, text, key, bytes.subarray(4))
  )
    throw new Wrong(WRONG_NOTE);
  return said;
}

/** Behind an entry's number, as canonical JSON orders it, come its subject and type, which are short mostly. */
const TAIL_BYTES = 256;

/** An entry says its own number; the tree proves that it stands there. @param {Buffer} leaf @param {number} expected */
function checkNumber(leaf, expected) {
  const member = `"sequence":${expected},`;
  if (leaf.indexOf(member, Math.max(0, leaf.length - TAIL_BYTES), "latin1") < 0 && !leaf.includes(member))
    throw new Wrong(`Where entry ${expected} should be, there is another.`);
}

/** The tree as far as it goes: roots of whole subtrees, the largest first. */
class Tree {
  size = 0;
  /** @type {{ level: number, hash: string }[]} */
  #stack = [];
  #nodeBuffer = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

  /** @param {Manifest} manifest */
  begin({ first, before }) {
    let at = 0;
    for (const hash of before) {
      const level = Math.floor(Math.log2(first - at));
      if (at >= first) throw new Wrong("The manifest has too many hashes before its entries.");
      this.#add(level, Buffer.from(hash, "hex").toString("latin1"));
      at += 2 ** level;
    }
    if (at !== first) throw new Wrong("The manifest has too few hashes before its entries.");
    this.size = first;
  }

  /** @param {Buffer} leaf a zero and the entry */
  leaf(leaf) {
    this.#add(0, sha256(leaf));
    this.size += 1;
  }

  /** @param {Manifest} manifest @param {number} size */
  end({ after }, size) {
    for (const hash of after) {
      let level = 0;
      while (this.size % 2 ** (level + 1) === 0 && this.size + 2 ** (level + 1) <= size) level += 1;
      if (this.size >= size) throw new Wrong("The manifest has too many hashes after its entries.");
      this.#add(level, Buffer.from(hash, "hex").toString("latin1"));
      this.size += 2 ** level;
    }
    if (this.size !== size) throw new Wrong(`The entries end at ${this.size}, but ${size} were signed.`);
  }

  root() {
    const hashes = this.#stack.map((node) => node.hash);
    const last = hashes.pop();
    if (last === undefined) return sha256(Buffer.alloc(0));
    return hashes.reduceRight((right, left) => this.#node(left, right), last);
  }

  /** @param {number} level @param {string} hash */
  #add(level, hash) {
    for (let top = this.#stack.at(-1); top?.level === level; top = this.#stack.at(-1)) {
      this.#stack.pop();
      hash = this.#node(top.hash, hash);
      level += 1;
    }
    this.#stack.push({ level, hash });
  }

  /** @param {string} left @param {string} right */
  #node(left, right) {
    this.#nodeBuffer.write(left, 1, HASH_BYTES, "latin1");
    this.#nodeBuffer.write(right, 1 + HASH_BYTES, HASH_BYTES, "latin1");
    return sha256(this.#nodeBuffer);
  }
}

/**
 * Gives each line of a file, without its end and with a zero before it, to `take`, as bytes that are good until it
 * returns: a leaf's hash is of a zero and the entry (RFC 6962), and a copy of each would cost a tenth of the whole. A last
 * line that is not ended is an error. Answers the digest (hexadecimal) of all lines for which `take` answered true.
 * @param {string} file @param {(leaf: Buffer) => boolean} take
 */
function readLines(file, take) {
  const whole = createHash("sha256");
  const descriptor = openSync(file, "r");
  try {
    // One buffer for all parts, whose first byte is there to be the zero. Lines begin at `from`, what was read ends at `end`.
    let bytes = Buffer.alloc(1 + PART_BYTES);
    let end = 1;
    for (;;) {
      if (end === bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)]);
      const read = readSync(descriptor, bytes, end, bytes.length - end, null);
      if (read === 0) break;
      end += read;
      const from = takeLines(bytes.subarray(0, end), take, whole);
      bytes.copyWithin(1, from, end);
      end = 1 + end - from;
      if (end > LINE_MAX) throw new Wrong("A line is longer than any entry can be.");
    }
    if (end > 1) throw new Wrong("The file ends in the middle of a line.");
    return whole.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The lines that are whole; answers where the next one begins.
 * @param {Buffer} bytes @param {(leaf: Buffer) => boolean} take @param {import("node:crypto").Hash} whole
 */
function takeLines(bytes, take, whole) {
  let from = 1;
  let hashed = 1;
  for (let to = bytes.indexOf(LF, from); to >= 0; to = bytes.indexOf(LF, from)) {
    bytes[from - 1] = 0;
    const signed = take(bytes.subarray(from - 1, to));
    bytes[from - 1] = LF;
    if (!signed) whole.update(bytes.subarray(hashed, from));
    from = to + 1;
    if (!signed) hashed = from;
  }
  whole.update(bytes.subarray(hashed, from));
  return from;
}
