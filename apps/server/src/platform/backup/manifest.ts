import { z } from "zod";

/** What a backup says of itself: its last part but the signature, `manifest.json`. The form is told in docs/guides/backups.md. */
export const FORMAT = "latchkey-backup/1";
export const MANIFEST = "manifest.json";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const name = z.string().min(1).max(100);
const size = z.int().min(0);

/** One entry of the tar file. */
const Part = z.strictObject({ name, sizeBytes: size, sha256 });
export type Part = z.infer<typeof Part>;

/** A table in COPY's text form, in the order of its primary key: the hash is of the rows, whoever holds them. */
const Table = z.strictObject({ name, columns: z.array(name).min(1), rows: size, sizeBytes: size, sha256 });
export type Table = z.infer<typeof Table>;

/** How the keys were closed: scrypt from the passphrase, AES-256-GCM with the backup's id as additional data. */
const Keys = z.strictObject({ files: z.array(name), salt: z.base64(), n: z.int(), r: z.int(), p: z.int() });

export const Manifest = z.strictObject({
  format: z.literal(FORMAT),
  id: name,
  createdAt: z.iso.datetime(),
  version: z.string().max(40),
  postgres: z.string().max(80),
  migrations: z.array(name).min(1),
  /** Ed25519, base64: the ledger's key, which signs this file. */
  publicKey: z.base64(),
  ledger: z.strictObject({ size, rootHash: sha256, checkpoint: z.string().nullable() }),
  /** The key files that this database's ledger goes with, by the short names of the keys. */
  boundKeys: z.array(z.strictObject({ file: name, id: z.string().regex(/^[0-9a-f]{16}$/) })),
  tables: z.array(Table),
  sequences: z.array(z.strictObject({ name, lastValue: z.string().regex(/^-?\d+$/) })),
  artifacts: z.array(z.strictObject({ digest: sha256, sizeBytes: size })),
  /** Artifacts in use whose folder was not there. */
  missingArtifacts: z.array(sha256),
  keys: Keys.nullable(),
  /** Databases of the workloads: not in here. */
  notIncluded: z.array(z.string()),
  parts: z.array(Part),
});
export type Manifest = z.infer<typeof Manifest>;

/** Something is wrong with the file: the sentence names the part. */
export class BackupFault extends Error {}
