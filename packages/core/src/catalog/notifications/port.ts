/** What a channel's adapter answers: whether it arrived, and where not, whether another try can help. */
export type SendResult =
  | {
      readonly arrived: true;
      /** What the next message of the same thread needs: Slack's timestamp, a mail's id. */
      readonly reference: Readonly<Record<string, string>> | null;
      readonly words: string;
    }
  | {
      readonly arrived: false;
      /** A sentence without secrets. */
      readonly words: string;
      /** Another try of the same would fail, too. */
      readonly permanent: boolean;
      readonly retryAfterMs: number | null;
    };

export const arrived = (words: string, reference: Readonly<Record<string, string>> | null = null): SendResult => ({
  arrived: true,
  reference,
  words,
});
export const failed = (
  words: string,
  more: { readonly permanent?: boolean; readonly retryAfterMs?: number | null } = {},
): SendResult => ({
  arrived: false,
  words,
  permanent: more.permanent ?? false,
  retryAfterMs: more.retryAfterMs ?? null,
});
