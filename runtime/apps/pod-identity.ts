import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Who a program is in its cluster; absent outside of one. */
export interface PodIdentity {
  readonly pod: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The service account that a projected token names in its subject, without checking the token. */
function accountOfToken(token: string | undefined): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      sub?: string;
    };
    return claims.sub?.split(':')[3];
  } catch {
    return undefined;
  }
}

/**
 * Reads the pod's name, namespace and service account from the downward API's variables (POD_NAME, POD_NAMESPACE,
 * SERVICE_ACCOUNT), else from what every pod has: its host name and its mounted service account.
 */
export function podIdentity(env: NodeJS.ProcessEnv = process.env): PodIdentity {
  return {
    pod: env['POD_NAME'] ?? env['HOSTNAME'] ?? hostname(),
    namespace: env['POD_NAMESPACE'] ?? read(`${ACCOUNT}/namespace`),
    serviceAccount: env['SERVICE_ACCOUNT'] ?? accountOfToken(read(`${ACCOUNT}/token`)),
  };
}
