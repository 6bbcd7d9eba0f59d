import { count, type Effect, type Enforcer } from './enforcement';

/**
 * One line: who, on how much, and the gravest that happens to it, e.g. `Enforced by ztunnel at 2 workloads; rule 2 is
 * dropped`.
 *
 * @param usual who would enforce it where no target is known
 */
export function summaryOf(enforcers: readonly Enforcer[], effects: readonly Effect[], usual: string): string {
  return `${who(enforcers, usual)}${gravest(effects)}`;
}

function who(enforcers: readonly Enforcer[], usual: string): string {
  if (enforcers.length === 0)
    return `Enforced by ${usual}${usual.startsWith('nobody') ? '' : '; selects nothing in these files'}`;
  const working = enforcers.filter(({ by }) => by !== 'nobody');
  const idle = enforcers.length - working.length;
  const [first] = working;
  if (first === undefined) return `Enforced by ${enforcers[0]?.text ?? 'nobody'}`;
  const parts = [...new Set(working.map(nameOf))].map((name) => {
    const targets = working.filter((enforcer) => nameOf(enforcer) === name);
    const doubt = targets.every(({ sure }) => sure) ? '' : doubtOf(targets[0] ?? first);
    return `${name}${extent(targets)}${doubt}`;
  });
  return `Enforced by ${parts.join(' and ')}${idle === 0 ? '' : `; by nobody at ${idle} more`}`;
}

function nameOf({ by, name }: Enforcer): string {
  if (by === 'sidecar') return 'sidecars';
  if (by === 'ztunnel') return 'ztunnel';
  return name === undefined ? 'every waypoint' : `${by} ${name}`;
}

function extent(targets: readonly Enforcer[]): string {
  const [first] = targets;
  if (first === undefined || first.target.kind === 'GatewayClass') return '';
  if (first.by === 'ztunnel' || first.by === 'sidecar') return ` at ${count(targets.length, 'workload')}`;
  if (first.target.kind === 'Gateway') return '';
  return targets.length === 1 ? ` for ${first.target.kind} ${first.target.name}` : ` for ${targets.length} services`;
}

function doubtOf({ by }: Enforcer): string {
  return by === 'ztunnel' ? ' (in ambient mode)' : ' (once it is ready)';
}

function gravest(effects: readonly Effect[]): string {
  const whole = effects.find((one) => one.effect === 'void' && one.of === 'object');
  if (whole !== undefined) return `; ${brief(whole.text)}`;
  const rules = effects.filter((one) => one.of === 'rule');
  for (const effect of ['void', 'dropped', 'widened'] as const) {
    const found = rules.filter((one) => one.effect === effect).length;
    if (found > 0)
      return rules.length === 1 ? `; its rule is ${effect}` : `; ${found} of ${rules.length} rules ${effect}`;
  }
  return '';
}

/** The first clause of a sentence, to go on with after a semicolon. */
export function brief(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`.replace(/[:.](\s.*)?$/s, '');
}
