import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface WrittenContext {
  readonly name: string;
  readonly host: string;
  /** By file name: ca.pem, cert.pem, key.pem. */
  readonly certificates?: Readonly<Record<string, string>>;
  readonly current?: boolean;
}

/**
 * Writes a context as `docker context create` does.
 *
 * @param folder of Docker's configuration
 * @returns the folder of its certificates
 */
export function writeDockerContext(
  folder: string,
  { name, host, certificates, current = true }: WrittenContext,
): string {
  const digest = createHash('sha256').update(name).digest('hex');
  const meta = path.join(folder, 'contexts', 'meta', digest);
  mkdirSync(meta, { recursive: true });
  const endpoints = { docker: { Host: host, SkipTLSVerify: false } };
  writeFileSync(path.join(meta, 'meta.json'), JSON.stringify({ Name: name, Metadata: {}, Endpoints: endpoints }));
  if (current) writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ currentContext: name }));
  const secrets = path.join(folder, 'contexts', 'tls', digest, 'docker');
  if (certificates !== undefined) mkdirSync(secrets, { recursive: true });
  for (const [file, text] of Object.entries(certificates ?? {}))
    writeFileSync(path.join(secrets, file), text, { mode: 0o600 });
  return secrets;
}
