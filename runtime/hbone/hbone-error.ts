import { STATUS_CODES } from 'node:http';

/** Where a tunnel failed; decides `response_flags` (protocol reference 9.1). */
export type HboneFailure = 'connect' | 'timeout' | 'tls' | 'http2' | 'identity' | 'refused' | 'aborted';

const flags: Record<HboneFailure, string> = {
  connect: 'CONNECT',
  timeout: 'CONNECT',
  tls: 'TLS_FAILURE',
  http2: 'H2_HANDSHAKE_FAILURE',
  identity: 'IDENTITY_ERROR',
  refused: '-',
  aborted: '-',
};

/** A tunnel that could not be made or broke before its first byte; the message is ztunnel's (protocol reference 9.2). */
export class HboneError extends Error {
  constructor(
    readonly failure: HboneFailure,
    message: string,
    /** HTTP status of a refused CONNECT. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'HboneError';
  }

  /** `response_flags` label of the failed connection. */
  get responseFlags(): string {
    return this.status === 401 ? 'DENY' : flags[this.failure];
  }
}

/** The peer answered CONNECT with another status than 200. */
export function refusedWith(status: number): HboneError {
  const words = STATUS_CODES[status];
  return new HboneError('refused', `http status: ${status}${words === undefined ? '' : ` ${words}`}`, status);
}
