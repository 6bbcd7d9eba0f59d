import type { DeleteOptions, WriteOptions } from '../store/store';
import { badRequest, invalid } from '../store/status-error';
import { isObject } from '../../api/json';
import type { ResourceCall } from './context';
import { decodeBody, mediaType, readBody } from './respond';

/** `dryRun` of the query; anything but `All` is refused. */
export function writeOptions({ info }: ResourceCall): WriteOptions {
  return { dryRun: isDryRun(info.query.getAll('dryRun')) };
}

function isDryRun(values: readonly string[]): boolean {
  const other = values.find((value) => value !== 'All' && value !== '');
  if (other !== undefined) {
    throw invalid({ group: 'meta.k8s.io', plural: '', kind: 'PatchOptions' }, '', [
      {
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: "${other}": supported values: "All"`,
        field: 'dryRun',
      },
    ]);
  }
  return values.includes('All');
}

/** Who writes: the field manager of the query, else the first word of the user agent. */
export function fieldManager({ info, request }: ResourceCall): string {
  const named = info.query.get('fieldManager');
  if (named) return named;
  return (request.headers['user-agent'] ?? 'unknown').split('/')[0]!.slice(0, 128);
}

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const;

/** DeleteOptions of the body and the query. */
export async function deleteOptions(call: ResourceCall): Promise<DeleteOptions & WriteOptions> {
  const { query } = call.info;
  const body = await readBody(call.request);
  const given = body.length === 0 ? {} : await decodeBody(body, mediaType(call.request));
  if (!isObject(given)) throw badRequest('DeleteOptions must be an object');
  const policy = given['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  if (policy !== undefined && !POLICIES.some((known) => known === policy)) {
    const message = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan"`;
    throw invalid({ group: 'meta.k8s.io', plural: '', kind: 'DeleteOptions' }, '', [
      { reason: 'FieldValueNotSupported', message, field: 'propagationPolicy' },
    ]);
  }
  const orphan = given['orphanDependents'];
  const grace = given['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  const dryRun = Array.isArray(given['dryRun']) ? (given['dryRun'] as string[]) : query.getAll('dryRun');
  return {
    dryRun: isDryRun(dryRun),
    propagationPolicy: (policy as DeleteOptions['propagationPolicy']) ?? (orphan === true ? 'Orphan' : undefined),
    ...(grace !== undefined && { gracePeriodSeconds: Number(grace) }),
    preconditions: (given['preconditions'] as DeleteOptions['preconditions']) ?? undefined,
  };
}
