import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { removeDirectory, temporaryDirectory } from "./directory.ts";

/** A key and a certificate of its own for a name, made by openssl for this run. */
export function certificateFor(name: string): { key: string; cert: string } {
  const dir = temporaryDirectory();
  try {
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    const made = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      ...subject,
    ];
    execFileSync("openssl", made, { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    removeDirectory(dir);
  }
}
