import type { Kind } from '../../api/kinds';

/** One offending field of an object, as the API server reports it. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** The `Status` object that answers a request which did not succeed. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Failure' | 'Success';
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: readonly Cause[];
    retryAfterSeconds?: number;
  };
  code?: number;
}

/** A request that the API refuses; carries the Status that says so. */
export class StatusError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: Status['details'],
  ) {
    super(message);
    this.name = 'StatusError';
  }

  static is(error: unknown, code?: number): error is StatusError {
    return error instanceof StatusError && (code === undefined || error.code === code);
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

type Named = Pick<Kind, 'group' | 'plural' | 'kind'>;

const qualified = (name: string, group: string): string => (group === '' ? name : `${name}.${group}`);
const detailsOf = (kind: Named, name: string): Status['details'] => ({
  ...(name !== '' && { name }),
  ...(kind.group !== '' && { group: kind.group }),
  kind: kind.plural,
});

export function notFound(kind: Named, name: string): StatusError {
  return new StatusError(
    404,
    'NotFound',
    `${qualified(kind.plural, kind.group)} "${name}" not found`,
    detailsOf(kind, name),
  );
}

export function alreadyExists(kind: Named, name: string): StatusError {
  return new StatusError(
    409,
    'AlreadyExists',
    `${qualified(kind.plural, kind.group)} "${name}" already exists`,
    detailsOf(kind, name),
  );
}

export function conflict(
  kind: Named,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(kind.plural, kind.group)} "${name}": ${why}`,
    detailsOf(kind, name),
  );
}

export function forbidden(kind: Named, name: string, why: string): StatusError {
  const what = name === '' ? '' : ` "${name}"`;
  return new StatusError(
    403,
    'Forbidden',
    `${qualified(kind.plural, kind.group)}${what} is forbidden: ${why}`,
    detailsOf(kind, name),
  );
}

/** 422 with one cause a field; each message is already `<what>: <value>: <why>`. */
export function invalid(kind: Named, name: string, causes: readonly Cause[]): StatusError {
  const lines = causes.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${qualified(kind.kind, kind.group)} "${name}" is invalid: ${text}`, {
    ...detailsOf({ ...kind, plural: kind.kind }, name),
    causes,
  });
}

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);
export const expired = (message: string): StatusError => new StatusError(410, 'Expired', message);
