import type { EnforcementPath } from '../../policy/enforcement-paths';
import { isLiveFile } from '../live-file';
import type { Effect, Enforcement, Enforcer, Subject } from './enforcement';

/** As whom a client appears, in a column. */
export const IDENTITY: Readonly<Record<EnforcementPath['identity'], string>> = {
  client: "the client's own",
  waypoint: "the waypoint's",
  gateway: "the gateway's",
  none: 'none',
};

export function nameOf({ kind, namespace, name }: Subject): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

/** An enforcement as a terminal shows it; places are `file:line:column`, which terminals make links of. */
export function enforcementText(enforcement: Enforcement): string {
  const { subject, summary, enforcers, effects, paths, notes, policies } = enforcement;
  return [
    `${nameOf(subject)}  (${at(subject.place)})`,
    summary,
    ...section('Enforcers', enforcers.map(enforcerLine)),
    ...section(
      'Policies, in the order in which they are asked',
      policies.map((one) => `${nameOf(one.subject)}: ${one.summary}`),
    ),
    ...section(
      'What becomes of it',
      effects.map((effect) => `${effect.effect.padEnd(7)}  ${effect.text}  (${at(effect.place)})`),
    ),
    ...section('Ways of traffic', paths.map(pathLine)),
    ...section('To know', notes),
    '',
  ].join('\n');
}

/** An enforcement as a hover shows it: the line of CodeLens, then what is not as written, and why. */
export function enforcementMarkdown(enforcement: Enforcement): string {
  const { summary, enforcers, effects, notes } = enforcement;
  const changed = effects.filter(({ effect }) => effect !== 'kept');
  return [
    `**${escape(summary)}**`,
    ...list(enforcers.slice(0, MANY).map(enforcerLine)),
    ...(enforcers.length > MANY ? [`and ${enforcers.length - MANY} more`] : []),
    ...list(changed.map(({ effect, text }) => `${effect}: ${text}`)),
    ...(changed.length === 0 ? [] : notes.slice(0, 1).map(escape)),
  ].join('\n\n');
}

const MANY = 5;

function enforcerLine({ target, text, identity }: Enforcer): string {
  return `${nameOf(target)}: ${text}${identity === '' ? '' : `; sees ${identity}`}`;
}

function pathLine({ client, text }: EnforcementPath): string {
  return `${client}: ${text}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function list(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [lines.map((line) => `- ${escape(line)}`).join('\n')];
}

function at({ file, line, column }: Effect['place']): string {
  return isLiveFile(file) ? 'in the mesh' : `${file}:${line}:${column}`;
}

/** Text of a workspace inside Markdown: nothing in it is markup. */
function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|!~]/g, '\\$&');
}
