import { randomUUID, sign, verify } from 'node:crypto';
import { KIND } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { isObject } from '../../api/json';
import type { Store } from '../store/store';
import type { Pki } from './pki';
import type { User } from './user';

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** Audiences of a token that names none: the API server itself. */
export const API_AUDIENCES = [ISSUER];
const DEFAULT_SECONDS = 3600;

interface Reference {
  readonly name: string;
  readonly uid?: string;
}
export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: Reference;
    readonly pod?: Reference;
    readonly secret?: Reference;
    readonly node?: Reference;
  };
}

export interface TokenRequest {
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
  /** The pod that the token lives and dies with. */
  readonly pod?: KubeObject;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'ES256', typ: 'JWT' });

/** Service account tokens: ES256 JWTs with Kubernetes' bound claims, as `TokenRequest` issues them. */
export class ServiceAccountTokens {
  constructor(
    private readonly store: Store,
    private readonly pki: Pki,
  ) {}

  /** @returns the token and when it expires, in ms since the epoch; at least 10 minutes are given */
  issue(account: KubeObject, request: TokenRequest = {}): { token: string; expires: number } {
    const { name, namespace = '', uid } = account.metadata;
    const now = Math.floor(Date.now() / 1000);
    const seconds = Math.max(600, request.expirationSeconds ?? DEFAULT_SECONDS);
    const node = (request.pod as { spec?: { nodeName?: string } } | undefined)?.spec?.nodeName;
    const claims: Claims = {
      aud: request.audiences?.length ? request.audiences : API_AUDIENCES,
      exp: now + seconds,
      iat: now,
      iss: ISSUER,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace,
        ...(node && { node: { name: node } }),
        ...(request.pod && { pod: { name: request.pod.metadata.name, uid: request.pod.metadata.uid } }),
        serviceaccount: { name, uid },
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    const payload = `${HEADER}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(payload), { key: this.pki.tokenKey, dsaEncoding: 'ieee-p1363' });
    return { token: `${payload}.${signature.toString('base64url')}`, expires: claims.exp * 1000 };
  }

  /**
   * Who a token stands for, or why it is refused: signature, times, audience, and that its service account and pod
   * still exist with the same uid.
   *
   * @param audiences at least one of them must be in the token
   */
  check(token: string, audiences: readonly string[] = API_AUDIENCES): { user: User; audiences: string[] } | string {
    const claims = this.#verified(token);
    if (typeof claims === 'string') return claims;
    const now = Date.now() / 1000;
    if (claims.exp < now) return 'token has expired';
    if (claims.nbf > now + 10) return 'token is not valid yet';
    const common = claims.aud.filter((audience) => audiences.includes(audience));
    if (common.length === 0) {
      return `token audiences ${JSON.stringify(claims.aud)} is invalid for the target audiences ${JSON.stringify(audiences)}`;
    }
    const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
    const account = this.store.get(KIND.ServiceAccount, namespace, serviceaccount.name);
    if (account === undefined || account.metadata.uid !== serviceaccount.uid) {
      return 'service account of the token has been deleted';
    }
    if (pod !== undefined) {
      const bound = this.store.get(KIND.Pod, namespace, pod.name);
      if (bound === undefined || bound.metadata.uid !== pod.uid) return 'pod of the token has been deleted';
    }
    const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] };
    if (pod !== undefined) {
      extra['authentication.kubernetes.io/pod-name'] = [pod.name];
      extra['authentication.kubernetes.io/pod-uid'] = [pod.uid ?? ''];
    }
    if (node !== undefined) extra['authentication.kubernetes.io/node-name'] = [node.name];
    return {
      audiences: common,
      user: {
        username: claims.sub,
        uid: serviceaccount.uid ?? '',
        groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
        extra,
      },
    };
  }

  #verified(token: string): Claims | string {
    const [header, payload, signature, ...rest] = token.split('.');
    if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) {
      return 'not a token of this cluster';
    }
    try {
      const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: string };
      if (alg !== 'ES256') return 'not a token of this cluster';
      const key = { key: this.pki.tokenPublicKey, dsaEncoding: 'ieee-p1363' as const };
      if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))) {
        return 'the signature of the token is wrong';
      }
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
      if (claims.iss !== ISSUER || !isObject(claims['kubernetes.io'])) return 'not a token of this cluster';
      return claims;
    } catch {
      return 'not a token of this cluster';
    }
  }
}
