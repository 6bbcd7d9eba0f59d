import { webcrypto } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { log } from '../../telemetry/log';
import type { MeshSettings } from '../mesh-objects';
import type { Authority } from './authority';
import { DEFAULT_TTL_SECONDS, issueCertificate } from './issue';
import { EC_P256, privateKeyPem } from './x509';

const logger = log('ca');

/** Names that proxies may know istiod by (protocol reference 2.3, step 7). */
export function servingNames({ rootNamespace, clusterDomain }: MeshSettings): string[] {
  const qualified = ['istiod', 'istiod-remote', 'istio-pilot'].map((name) => `${name}.${rootNamespace}.svc`);
  return [...qualified, `istiod.${rootNamespace}.svc.${clusterDomain}`, `istiod.${rootNamespace}`, 'istiod'];
}

const HALF_LIFE_MS = (DEFAULT_TTL_SECONDS / 2) * 1000;
/** By the wall clock, since a timer of hours stands still while a laptop sleeps. */
const LOOK_EVERY_MS = 60_000;

/** istiod's own TLS credentials, signed by its CA and renewed at half life without closing a connection. */
export class ServingCredentials extends ServerCredentials {
  readonly #issue: () => Promise<SecureContextOptions>;
  readonly #timer: NodeJS.Timeout;
  #renewAt = Date.now() + HALF_LIFE_MS;

  private constructor(context: SecureContextOptions, issue: () => Promise<SecureContextOptions>) {
    super({}, context);
    this.#issue = issue;
    this.#timer = setInterval(() => {
      if (Date.now() < this.#renewAt) return;
      this.renew().catch((error: unknown) => logger.error('serving certificate not renewed', { error: String(error) }));
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  static async create(authority: Authority, settings: MeshSettings): Promise<ServingCredentials> {
    const issue = (): Promise<SecureContextOptions> => servingContext(authority, servingNames(settings));
    return new ServingCredentials(await issue(), issue);
  }

  /** Takes a new key and certificate for connections from now on. */
  async renew(): Promise<void> {
    this.updateSecureContextOptions(await this.#issue());
    this.#renewAt = Date.now() + HALF_LIFE_MS;
    logger.info('serving certificate renewed');
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function servingContext(authority: Authority, names: readonly string[]): Promise<SecureContextOptions> {
  const keys = (await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify'])) as CryptoKeyPair;
  const leaf = await issueCertificate(authority, {
    publicKey: keys.publicKey,
    names: names.map((value) => ({ type: 'dns', value })),
    ttlSeconds: DEFAULT_TTL_SECONDS,
  });
  return {
    cert: leaf + authority.intermediates.join(''),
    key: await privateKeyPem(keys.privateKey),
    minVersion: 'TLSv1.3',
  };
}
