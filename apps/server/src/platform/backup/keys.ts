import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KEY_FILES } from "../key-files.ts";
import { BackupFault, type Manifest } from "./manifest.ts";

/**
 * The keys in a backup, closed with a passphrase: scrypt makes a key of it, AES-256-GCM closes them with it. Whoever
 * asks for a backup makes that key, so that the passphrase never leaves that machine.
 */
export const KEYS_PART = "keys.enc";
/** 128 MB and about half a second for a guess (OWASP's first choice of 2024). */
export const SCRYPT = { n: 131_072, r: 8, p: 1 } as const;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const FILE_MAX_BYTES = 65_536;

/** What a passphrase was made into, with what it takes to do so again. */
export interface KeysKey {
  readonly salt: Buffer;
  readonly key: Buffer;
}

export function keyOf(
  passphrase: string,
  salt: Buffer,
  { n, r, p }: { n: number; r: number; p: number },
): Promise<Buffer> {
  // Another's file must not ask for all memory there is.
  if (n > 2 ** 20 || r > 32 || p > 16)
    return Promise.reject(new BackupFault(`The part ${KEYS_PART} asks for too much to open it.`));
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFKC"), salt, 32, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** The key files of an installation's folder that are there. */
export const keyFilesIn = (dir: string): string[] => KEY_FILES.filter((name) => existsSync(join(dir, name)));

/** Closes the key files of a folder. */
export function sealKeys(dir: string, id: string, { key }: KeysKey): { files: string[]; body: Buffer } {
  const files = keyFilesIn(dir);
  const plain = JSON.stringify(
    Object.fromEntries(files.map((name) => [name, readFileSync(join(dir, name)).toString("base64")])),
  );
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(id, "utf8"));
  const closed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return { files, body: Buffer.concat([iv, closed, cipher.getAuthTag()]) };
}

/** Opens them again. Throws a sentence when the passphrase is another one. */
export async function openKeys(
  manifest: Pick<Manifest, "id" | "keys">,
  body: Buffer,
  passphrase: string,
): Promise<Map<string, Buffer>> {
  if (!manifest.keys) throw new BackupFault("The backup holds no keys.");
  const key = await keyOf(passphrase, Buffer.from(manifest.keys.salt, "base64"), manifest.keys);
  const decipher = createDecipheriv("aes-256-gcm", key, body.subarray(0, IV_BYTES))
    .setAAD(Buffer.from(manifest.id, "utf8"))
    .setAuthTag(body.subarray(body.length - TAG_BYTES));
  let plain: string;
  try {
    const opened = decipher.update(body.subarray(IV_BYTES, body.length - TAG_BYTES));
    plain = Buffer.concat([opened, decipher.final()]).toString("utf8");
  } catch {
    throw new BackupFault(`The passphrase does not open the keys (part ${KEYS_PART}).`);
  }
  const files = Object.entries(JSON.parse(plain) as Record<string, string>);
  return new Map(
    files
      .filter(([name]) => (KEY_FILES as readonly string[]).includes(name))
      .map(([name, text]) => [name, Buffer.from(text, "base64").subarray(0, FILE_MAX_BYTES)]),
  );
}
