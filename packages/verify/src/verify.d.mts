export declare const FORMAT: string;
export type Verdict =
  | {
      readonly ok: true;
      readonly words: string;
      readonly entries: number;
      readonly first: number;
      readonly size: number;
      readonly root: string;
      readonly publicKey: string;
    }
  | { readonly ok: false; readonly words: string };
/** Checks a file. `key` is the ledger's public key (base64) as known from elsewhere, `held` a checkpoint that was kept. */
export declare function verifyExport(file: string, known?: { key?: string; held?: string }): Promise<Verdict>;
