// `npm start` and `npm run dev`. Looks at Node's version before it reads anything that an old Node could not.
import { complaintAbout } from "./node-version.mjs";

var complaint = complaintAbout(process.versions.node);
if (complaint) {
  console.error(complaint);
  process.exitCode = 1;
} else {
  void import("./starting.mjs");
}
