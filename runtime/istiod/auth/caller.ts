/** The service account that a token proved, and the pod that the token is bound to. */
export interface CallerIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName?: string;
  readonly podUid?: string;
}

/** The shape of a TokenReview's `status` as far as it is read. */
export interface TokenReviewStatus {
  authenticated?: boolean;
  audiences?: string[];
  error?: string;
  user?: { username?: string; groups?: string[]; extra?: Record<string, string[]> };
}

export type CallerReading = { readonly caller: CallerIdentity } | { readonly problem: string };

const PREFIX = 'system:serviceaccount:';

/**
 * Reads the outcome of a TokenReview; only service accounts may talk to istiod.
 *
 * @see protocol reference 1.1, 2.3
 */
export function readTokenReview(status: TokenReviewStatus | undefined): CallerReading {
  if (!status?.authenticated) return { problem: status?.error || 'the token was not accepted' };
  const username = status.user?.username ?? '';
  const [namespace, serviceAccount, ...rest] = username.startsWith(PREFIX)
    ? username.slice(PREFIX.length).split(':')
    : [];
  if (!namespace || !serviceAccount || rest.length > 0) return { problem: `"${username}" is no service account` };
  const extra = status.user?.extra ?? {};
  return {
    caller: {
      namespace,
      serviceAccount,
      podName: extra['authentication.kubernetes.io/pod-name']?.[0],
      podUid: extra['authentication.kubernetes.io/pod-uid']?.[0],
    },
  };
}
