import type { ParseProblem } from './document';
import type { SourceText } from './source-text';

/** An outdated command or name, wherever it stands: in comments, scripts, workflows, arguments. */
interface Advice {
  readonly code: 'AMB6020' | 'AMB6021' | 'AMB6022';
  readonly pattern: RegExp;
  readonly message: string;
  /** What to write in its place, where that is all. */
  readonly instead?: string;
}

/** Between the words of a command: spaces, or the quotes and comma of a list of arguments. */
const GAP = `(?:[ \\t]{1,20}|["'][ \\t]{0,20},[ \\t]{0,20}["'])`;
const ADVICE: readonly Advice[] = [
  {
    code: 'AMB6020',
    pattern: new RegExp(`\\bistioctl${GAP}(?:x|experimental)${GAP}waypoint\\b`, 'g'),
    message: 'Waypoints are no experiment by now: the command is istioctl waypoint.',
    instead: 'istioctl waypoint',
  },
  {
    code: 'AMB6020',
    pattern: new RegExp(`\\bistioctl${GAP}waypoint${GAP}deploy\\b`, 'g'),
    message: 'It has no subcommand deploy: the command is istioctl waypoint apply.',
    instead: 'istioctl waypoint apply',
  },
  {
    code: 'AMB6021',
    pattern: /\b(?:spec\.)?components\.ambient\.enabled\b/g,
    message: 'Istio has no component ambient: set profile=ambient, which installs ztunnel and the CNI agent.',
  },
  {
    code: 'AMB6022',
    pattern: /\bkubectl[^\n]{0,80}\bget[ \t]{1,20}(?:po|pods?)\b[^\n]{0,80}istio\.io\/dataplane-mode=ambient\b/g,
    message:
      'Pods of an enrolled namespace do not carry this label: ask for their annotation ambient.istio.io/redirection, or istioctl ztunnel-config workloads.',
  },
];
/** A line that says that something is outdated does not advise it. */
const TELLS_SO = /\b(?:instead of|no longer|not|deprecated|removed|outdated|formerly|until|before)\b/i;
const MANY = 20;

/** Outdated advice in a text, in linear time; whatever the text is. */
export function outdatedAdvice(source: SourceText): ParseProblem[] {
  const { text, file } = source;
  if (!/\bistio/.test(text)) return [];
  const found = ADVICE.flatMap(({ code, pattern, message, instead }) =>
    [...text.matchAll(pattern)].slice(0, MANY).map(({ index: start, 0: written }): ParseProblem => {
      const end = start + written.length;
      const edit = { file, start, end, newText: instead ?? '' };
      return {
        code,
        message,
        range: { start, end },
        fixes: instead && !/["']/.test(written) ? [{ title: `Write ${instead}`, safe: false, edits: [edit] }] : [],
      };
    }),
  );
  return [...found, ...ambientComponents(source)].filter(({ range }) => !TELLS_SO.test(lineAround(text, range.start)));
}

function lineAround(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(text.lastIndexOf('\n', offset) + 1, end < 0 ? text.length : end);
}

/** `components: { ambient: { enabled` in block style: of an IstioOperator, of Helm values, or inside of a script. */
function ambientComponents({ text }: SourceText): ParseProblem[] {
  if (!text.includes('components:') || !text.includes('ambient:')) return [];
  const found: ParseProblem[] = [];
  const open: { indent: number; key: string; start: number }[] = [];
  for (const { index, 1: space = '', 2: key = '' } of text.matchAll(/^([ \t]{0,200})([\w.-]{1,200}):/gm)) {
    while ((open.at(-1)?.indent ?? -1) >= space.length) open.pop();
    const [ambient, components] = [open.at(-1), open.at(-2)];
    if (key === 'enabled' && ambient?.key === 'ambient' && components?.key === 'components')
      found.push({
        code: 'AMB6021',
        message: 'Istio has no component ambient: write profile: ambient, which installs ztunnel and the CNI agent.',
        range: { start: ambient.start, end: ambient.start + ambient.key.length },
      });
    open.push({ indent: space.length, key, start: index + space.length });
  }
  return found.slice(0, MANY);
}
