export function withDebianPostgres<T>(
  use: (url: string) => Promise<T>,
  options?: { env?: Record<string, string> },
): Promise<T>;
