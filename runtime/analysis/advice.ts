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
const LINE = 80;

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

/** `components: { ambient: { enabled` on one line, in YAML or JSON; others may stand before it, one level deep. */
const COMPONENT_INSIDE =
  /\bcomponents["']?[ \t]{0,20}:[ \t]{0,20}\{(?:[^{}\n]|\{[^{}\n]{0,200}\}){0,500}?\bambient(?=["']?[ \t]{0,20}:[ \t]{0,20}\{[ \t]{0,20}["']?enabled\b)/g;
/** What stands behind the key of a component that is a mapping in braces. */
const ENABLED_INSIDE = /^[ \t]{0,20}\{[ \t]{0,20}enabled\b/;

/** `components: { ambient: { enabled`, in whatever style: of an IstioOperator, of Helm values, or inside of a script. */
function ambientComponents({ text }: SourceText): ParseProblem[] {
  if (!text.includes('components') || !text.includes('ambient')) return [];
  const found = [...text.matchAll(COMPONENT_INSIDE)].map(({ index, 0: { length } }) => noComponent(index + length));
  const open: { indent: number; key: string; start: number }[] = [];
  for (const { index, 0: written, 1: space = '', 2: key = '' } of text.matchAll(/^([ \t]{0,200})([\w.-]{1,200}):/gm)) {
    while ((open.at(-1)?.indent ?? -1) >= space.length) open.pop();
    const [parent, outer] = [open.at(-1), open.at(-2)];
    const end = index + written.length;
    if (key === 'enabled' && parent?.key === 'ambient' && outer?.key === 'components')
      found.push(noComponent(parent.start + parent.key.length));
    else if (key === 'ambient' && parent?.key === 'components' && ENABLED_INSIDE.test(text.slice(end, end + LINE)))
      found.push(noComponent(end - 1));
    open.push({ indent: space.length, key, start: index + space.length });
  }
  return found.slice(0, MANY);
}

/** @param end of the word `ambient` */
const noComponent = (end: number): ParseProblem => ({
  code: 'AMB6021',
  message: 'Istio has no component ambient: write profile: ambient, which installs ztunnel and the CNI agent.',
  range: { start: end - 'ambient'.length, end },
});
