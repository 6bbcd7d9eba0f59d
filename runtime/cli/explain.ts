import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseFile, type MeshDocument } from '../analysis/document';
import type { Enforcement } from '../analysis/enforcement/enforcement';
import { enforcementText } from '../analysis/enforcement/enforcement-text';
import { explainEnforcement } from '../analysis/enforcement/explain-enforcement';
import { withLive } from '../analysis/live-mesh';
import { meshOf } from '../analysis/workspace';
import { MeshError } from '../errors';
import { readManifests } from './manifests';
import { readLiveMesh, type LiveOptions } from './live';
import { print } from './output';

interface ExplainCommand extends LiveOptions {
  namespace?: string;
  path?: string[];
}

/** How kubectl's users shorten kinds. */
const SHORT: Readonly<Record<string, string>> = {
  deploy: 'deployment',
  ds: 'daemonset',
  po: 'pod',
  rs: 'replicaset',
  sts: 'statefulset',
  svc: 'service',
  ap: 'authorizationpolicy',
  pa: 'peerauthentication',
  ra: 'requestauthentication',
};
/** Of these a part that is not enforced as written is a finding. */
const POLICY = /(Policy|Authentication|Route)$/;

/**
 * `ambient explain`: who enforces a policy, on whom, seeing which identity, and what becomes of its parts.
 *
 * @param what a file or folder, `-`, or `KIND/NAME`
 * @returns 0, or 1 when a policy or route is not enforced as it is written
 * @throws MeshError AMB_ERR_USAGE for what cannot be read or is nowhere, AMB_ERR_NOT_RUNNING with `--live`
 */
export async function explainCommand(options: ExplainCommand, what: string): Promise<number> {
  const named = /^([A-Za-z]+)\/([^/]+)$/.exec(what);
  const [, kind, name] = named !== null && !existsSync(what) ? named : [];
  const own = name === undefined ? readManifests([what]) : new Map<string, string>();
  const live = await readLiveMesh(options);
  const around = options.path ?? (name === undefined && what !== '-' ? [folderOf(what)] : live ? [] : ['.']);
  const texts = new Map([...readManifests(around), ...own]);
  const documents = [...texts].flatMap(([file, text]) => parseFile(file, text).documents);
  const mesh = meshOf(documents, live);
  const chosen =
    kind !== undefined && name !== undefined
      ? withLive(documents, live).filter((document) => isNamed(document, kind, name, options.namespace))
      : documents.filter(({ source }) => own.has(source.file));
  const explained = chosen.flatMap((document) => explainEnforcement(document, mesh) ?? []);
  if (explained.length === 0) throw nothing(what, options, chosen.length, live?.context);
  print(options.output, explained, (found) => found.map(enforcementText).join('\n'));
  return explained.some(isChanged) ? 1 : 0;
}

function folderOf(what: string): string {
  return statSync(what).isDirectory() ? what : path.dirname(what);
}

function isNamed(document: MeshDocument, kind: string, name: string, namespace: string | undefined): boolean {
  const wanted = kind.toLowerCase();
  const own = document.kind.toLowerCase();
  const plural = own.endsWith('y') ? `${own.slice(0, -1)}ies` : own.endsWith('s') ? `${own}es` : `${own}s`;
  if (![own, plural].includes(SHORT[wanted] ?? wanted)) return false;
  return document.name === name && (namespace === undefined || document.namespace === namespace);
}

function isChanged({ subject, enforcers, effects }: Enforcement): boolean {
  if (!POLICY.test(subject.kind)) return false;
  return effects.some(({ effect }) => effect !== 'kept') || enforcers.some(({ by, sure }) => by === 'nobody' && sure);
}

function nothing(what: string, { namespace }: ExplainCommand, chosen: number, context?: string): MeshError {
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
  return new MeshError('AMB_ERR_USAGE', {
    problem:
      chosen > 0
        ? `Nobody enforces what ${what} is: explain takes policies, routes, workloads and Services.`
        : `There is no ${what}${where}${context === undefined ? ' in the files' : `, neither in the files nor in ${context}`}.`,
    remedy: 'Give a file, or KIND/NAME with -n NAMESPACE, and the files around it with --path.',
  });
}
