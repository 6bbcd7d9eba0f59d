import type { IncomingMessage } from 'node:http';

/** How a client wants objects: as they are, as rows of a table, or only their metadata. */
export type Form = 'object' | 'table' | 'metadata';

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The ranges of an Accept header, in its order; `q` is left alone, as the API server leaves it. */
export function acceptedRanges(request: IncomingMessage): MediaRange[] {
  return (request.headers.accept ?? '*/*').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return { type, parameters: Object.fromEntries(parameters.map((text) => text.split('=', 2) as [string, string])) };
  });
}

const isJson = (type: string): boolean => type === 'application/json' || type === '*/*' || type === 'application/*';

/** The first form of the Accept header that we can give. */
export function acceptedForm(request: IncomingMessage): Form {
  for (const { type, parameters } of acceptedRanges(request)) {
    if (!isJson(type)) continue;
    if (parameters['as'] === undefined) return 'object';
    if (parameters['g'] !== 'meta.k8s.io' || parameters['v'] !== 'v1') continue;
    if (parameters['as'] === 'Table') return 'table';
    if (parameters['as'].startsWith('PartialObjectMetadata')) return 'metadata';
  }
  return 'object';
}
