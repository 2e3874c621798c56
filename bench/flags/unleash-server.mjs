// Unleash as a team would start it, in a process of its own; only for the bench. The module's place comes by the environment,
// as it is no dependency of ours. No call home: neither a look for new versions nor telemetry.
import { pathToFileURL } from "node:url";

const { start, LogLevel } = await import(pathToFileURL(process.env.UNLEASH_MODULE).href);
await start({
  databaseUrl: process.env.DATABASE_URL,
  db: { ssl: false },
  server: { host: "127.0.0.1", port: Number(process.env.PORT) },
  authentication: {
    type: "none",
    initApiTokens: [
      {
        ...{ tokenName: "bench", type: "client", environment: "development", projects: ["*"] },
        secret: process.env.UNLEASH_TOKEN,
      },
    ],
  },
  versionCheck: { enable: false },
  telemetry: false,
  logLevel: LogLevel.error,
});
