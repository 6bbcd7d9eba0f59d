import type { Severity } from '../analysis/rule';

/** The section `ambient` of a client's configuration, as far as the server reads it. */
export interface Settings {
  readonly analysis: {
    /** Severity by code, or `off`. */
    readonly rules: Readonly<Record<string, Severity | 'off'>>;
    /** Whose findings are shown: those of open files, or of all files of the workspace. */
    readonly scope: 'openFiles' | 'workspace';
    /** Globs, relative to a workspace folder, of files and folders that are left out. */
    readonly exclude: readonly string[];
    /** Minor version of Istio whose definitions judge fields; the newest when empty. */
    readonly istioVersion: string;
  };
  readonly codeLens: { readonly enabled: boolean };
}

export const DEFAULTS: Settings = {
  analysis: { rules: {}, scope: 'openFiles', exclude: [], istioVersion: '' },
  codeLens: { enabled: true },
};

/** Settings out of whatever a client sends: what is missing or of another type has its default. */
export function settingsFrom(given: unknown): Settings {
  const section = objectOf(given);
  const analysis = objectOf(section['analysis']);
  const { rules, scope, exclude, istioVersion } = analysis;
  return {
    analysis: {
      rules: objectOf(rules) as Settings['analysis']['rules'],
      scope: scope === 'workspace' ? scope : 'openFiles',
      exclude: Array.isArray(exclude) ? exclude.filter((glob) => typeof glob === 'string') : [],
      istioVersion: typeof istioVersion === 'string' ? istioVersion : '',
    },
    codeLens: { enabled: objectOf(section['codeLens'])['enabled'] !== false },
  };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
