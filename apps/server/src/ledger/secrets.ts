import { hkdfSync } from "node:crypto";
import { decrypt, encrypt } from "./subjects.ts";

/** Secrets of other systems that must be used again: encrypted with a key made of the key-encryption key for this only. */
export interface Secrets {
  /** `belongsTo` names whose it is: in another one's place it can't be read. */
  seal(text: string, belongsTo: string): Buffer;
  /** Null when it can't be read: it was changed, is another one's, or the key was replaced. */
  open(bytes: Buffer, belongsTo: string): string | null;
}

export function openSecrets(keyEncryptionKey: Buffer): Secrets {
  const key = Buffer.from(hkdfSync("sha256", keyEncryptionKey, "", "latchkey secrets of other systems", 32));
  return {
    seal: (text, belongsTo) => encrypt(key, Buffer.from(text, "utf8"), belongsTo),
    open: (bytes, belongsTo) => {
      try {
        return decrypt(key, bytes, belongsTo).toString("utf8");
      } catch {
        return null;
      }
    },
  };
}
