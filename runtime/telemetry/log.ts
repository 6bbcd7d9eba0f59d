import pino from 'pino';

/** A value of a log field; undefined fields are left out. */
export type LogField = string | number | boolean | undefined;
export type LogFields = Readonly<Record<string, LogField>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const levels: Record<number, LogLevel> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

/** ztunnel's plain format: `time level scope message k=v ...` separated by tabs, strings quoted unless they are addresses. */
function plain(line: string): string {
  const { level, time, scope, msg, ...fields } = JSON.parse(line) as Record<string, LogField>;
  const rest = Object.entries(fields)
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'string' && !key.endsWith('addr') ? JSON.stringify(value) : String(value)}`,
    )
    .join(' ');
  const stamp = new Date(Number(time)).toISOString().replace('Z', '000Z');
  return `${stamp}\t${levels[Number(level)]}\t${String(scope)}\t${String(msg)}${rest === '' ? '' : `\t${rest}`}\n`;
}

/** Writes in the background: a reader of our output that stalls must not stall a proxy. */
const sink = pino.destination({ dest: 1, sync: false });
process.on('exit', () => {
  try {
    sink.flushSync();
  } catch {
    // Never opened, or nobody reads any more.
  }
});

const destination = {
  write(line: string): void {
    sink.write(process.env['LOG_FORMAT'] === 'json' ? line : plain(line));
  },
};

const root = pino({ base: null, level: process.env['LOG_LEVEL'] ?? 'info' }, destination);

const scopes = new Map<string, pino.Logger>();

/**
 * Changes how much is logged while the process runs.
 *
 * @param level debug, info, warn, error or off (also as `warning`, `trace`, `silent`)
 * @param scope one scope that has been used; without it all
 * @returns false for an unknown level or scope
 */
export function setLogLevel(level: string, scope?: string): boolean {
  const named = ({ warning: 'warn', trace: 'debug', off: 'silent' } as Record<string, string>)[level] ?? level;
  if (!['debug', 'info', 'warn', 'error', 'silent'].includes(named)) return false;
  const chosen = scope === undefined ? [root, ...scopes.values()] : [scopes.get(scope)];
  for (const logger of chosen) {
    if (logger === undefined) return false;
    logger.level = named;
  }
  return true;
}

/** A logger of one scope (`access`, `xds`, ...), on standard output; LOG_FORMAT=json and LOG_LEVEL set form and detail. */
export function log(scope: string): Log {
  const child = scopes.get(scope) ?? root.child({ scope }, { level: root.level });
  scopes.set(scope, child);
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      child[level](fields, message);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
