import type { Ending } from './traffic-request';
import type { Target } from './traffic-target';

export type Outcome = 'succeeded' | 'deniedL4' | 'deniedL7' | 'failed';

/** What became of one target's requests since the start or the last reset. */
export interface TargetCount {
  readonly name: string;
  readonly url: string;
  readonly method: string;
  readonly rate: number;
  readonly expect: Target['expect'];
  sent: number;
  succeeded: number;
  deniedL4: number;
  deniedL7: number;
  failed: number;
  /** Attempts before the target answered for the first time; in none of the other counts. */
  warmup: number;
  /** Sum of durations of answered requests, milliseconds. */
  durationMs: number;
  lastFailure?: { readonly time: number; readonly reason: string };
}

export function emptyCount({ name, url, method, rate, expect }: Target): TargetCount {
  return {
    name,
    url,
    method,
    rate,
    expect,
    sent: 0,
    succeeded: 0,
    deniedL4: 0,
    deniedL7: 0,
    failed: 0,
    warmup: 0,
    durationMs: 0,
  };
}

/**
 * Judges by what happened, not by what was expected: 2xx succeeded, 403 was denied at L7, a connection closed before
 * any byte was denied at L4 where a denial is expected; all else failed.
 */
export function outcomeOf(ending: Ending, expect: Target['expect']): Outcome {
  if (ending.kind === 'answered') {
    if (ending.status === 403) return 'deniedL7';
    return ending.status >= 200 && ending.status < 300 ? 'succeeded' : 'failed';
  }
  return ending.kind === 'refused' && expect === 'deny-l4' ? 'deniedL4' : 'failed';
}

export function reasonOfEnding(ending: Ending): string {
  return ending.kind === 'answered' ? `status ${ending.status}` : ending.reason;
}
