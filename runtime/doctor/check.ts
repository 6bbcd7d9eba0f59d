import { MeshError, reasonOf } from '../errors';

export type CheckState = 'ok' | 'warn' | 'fail' | 'skipped';

/** One line of the checklist. */
export interface Check {
  readonly group: 'machine' | 'cluster' | 'mesh' | 'telemetry';
  readonly name: string;
  readonly state: CheckState;
  /** What was found, or why it was not looked for. */
  readonly detail: string;
  readonly remedy?: string;
}

/** What a check finds out; what it throws becomes a failure with the error's remedy. */
export type Finding = Pick<Check, 'state' | 'detail' | 'remedy'>;

export const ok = (detail: string): Finding => ({ state: 'ok', detail });
export const warn = (detail: string, remedy?: string): Finding => ({ state: 'warn', detail, remedy });
export const fail = (detail: string, remedy?: string): Finding => ({ state: 'fail', detail, remedy });
export const skipped = (detail: string): Finding => ({ state: 'skipped', detail });

/** Makes a check of a question; never rejects. */
export async function check(
  group: Check['group'],
  name: string,
  ask: () => Finding | Promise<Finding>,
): Promise<Check> {
  try {
    return { group, name, ...(await ask()) };
  } catch (error) {
    const remedy = MeshError.is(error) ? error.remedy : undefined;
    return { group, name, ...fail(reasonOf(error), remedy) };
  }
}
