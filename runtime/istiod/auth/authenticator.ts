import { createHash } from 'node:crypto';
import { status, type Metadata } from '@grpc/grpc-js';
import { KIND } from '../../api/kinds';
import { reasonOf } from '../../errors';
import type { KubeObject } from '../../api/resources';
import type { KubeClient } from '../../kube/client';
import { readTokenReview, type CallerIdentity, type TokenReviewStatus } from './caller';

interface TokenReview extends KubeObject {
  spec: { token: string; audiences: string[] };
  status?: TokenReviewStatus;
}

/** A refusal as gRPC tells it. */
export class Refusal extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details);
  }
}

/** Audience of the tokens that proxies send (reference 1.1). */
export const TOKEN_AUDIENCE = 'istio-ca';
/** A proxy opens its streams and asks for its certificates in bursts; an accepted token is not reviewed again within it. */
const ACCEPTED_MS = 30_000;
const MAX_REMEMBERED = 1_000;

/** Finds out who calls, by TokenReview. */
export class Authenticator {
  readonly #accepted = new Map<string, { caller: Promise<CallerIdentity>; until: number }>();

  constructor(private readonly client: KubeClient) {}

  /**
   * The caller that the `authorization: Bearer` header proves.
   *
   * @throws Refusal UNAUTHENTICATED for a missing or bad token, UNAVAILABLE when the API cannot be asked
   */
  authenticate(metadata: Metadata): Promise<CallerIdentity> {
    const header = metadata.get('authorization')[0]?.toString() ?? '';
    const token = /^bearer\s+(.+)$/is.exec(header)?.[1]?.trim();
    if (token === undefined) {
      return Promise.reject(new Refusal(status.UNAUTHENTICATED, 'no bearer token in the authorization header'));
    }
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#accepted.get(key);
    if (known !== undefined && known.until > Date.now()) return known.caller;
    const caller = this.#review(token);
    if (this.#accepted.size >= MAX_REMEMBERED) this.#accepted.clear();
    this.#accepted.set(key, { caller, until: Date.now() + ACCEPTED_MS });
    caller.catch(() => this.#accepted.delete(key));
    return caller;
  }

  async #review(token: string): Promise<CallerIdentity> {
    let review: TokenReview;
    try {
      review = await this.client.create<TokenReview>(KIND.TokenReview, {
        metadata: { name: '' },
        spec: { token, audiences: [TOKEN_AUDIENCE] },
      });
    } catch (error) {
      throw new Refusal(status.UNAVAILABLE, `token review failed: ${reasonOf(error)}`);
    }
    const reading = readTokenReview(review.status);
    if ('problem' in reading) throw new Refusal(status.UNAUTHENTICATED, `authentication failure: ${reading.problem}`);
    return reading.caller;
  }
}
