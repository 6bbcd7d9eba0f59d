import type { Effect, Enforcement, Subject } from '../../runtime/analysis/enforcement/enforcement';
import { IDENTITY, nameOf } from '../../runtime/analysis/enforcement/enforcement-text';
import { isLiveFile } from '../../runtime/analysis/live-file';

/** The command that a link of the page runs, with a Place as its argument. */
export const OPEN_PLACE = 'ambient.openPlace';

/** Words for an effect, beside its colour. */
const EFFECT: Readonly<Record<Effect['effect'], string>> = {
  kept: 'as written',
  widened: 'widened',
  dropped: 'dropped',
  void: 'no effect',
};

const STYLE = `
body { padding: 0 20px 24px; max-width: 62em; line-height: 1.5; }
h1 { font-size: 1.5em; font-weight: 600; margin: 18px 0 2px; }
h2 { font-size: 1.05em; font-weight: 600; margin: 22px 0 6px; }
.lead { font-size: 1.1em; margin: 0 0 4px; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--vscode-descriptionForeground); }
th, td { padding: 4px 14px 4px 0; vertical-align: top; border-bottom: 1px solid var(--vscode-panel-border, transparent); }
.badge { white-space: nowrap; font-weight: 600; }
.kept { color: var(--vscode-testing-iconPassed, var(--vscode-foreground)); }
.widened, .dropped { color: var(--vscode-editorWarning-foreground); }
.void, .nobody { color: var(--vscode-editorError-foreground); }
a { color: var(--vscode-textLink-foreground); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
ul { padding-left: 1.3em; margin: 4px 0; }
`;

/**
 * An enforcement as a page without scripts; whatever comes from the workspace is text, and links lead to its lines.
 *
 * @param nonce allows the page's own style and nothing else
 */
export function enforcementPage(enforcement: Enforcement | null, nonce: string): string {
  const body = enforcement === null ? '<p class="lead">The object is no longer there.</p>' : bodyOf(enforcement);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<title>Explain Enforcement</title><style nonce="${nonce}">${STYLE}</style></head>
<body>${body}</body></html>`;
}

function bodyOf({ subject, summary, enforcers, effects, paths, notes, policies }: Enforcement): string {
  return [
    `<h1>${link(subject.place, nameOf(subject))}</h1><p class="lead">${text(summary)}</p>`,
    section(
      'Who enforces it',
      table(
        ['Where', 'Who', 'Identity seen'],
        enforcers.map(({ target, by, text: who, identity }) => [
          subjectLink(target),
          `<span class="${by === 'nobody' ? 'nobody' : ''}">${text(who)}</span>`,
          text(identity || '–'),
        ]),
      ),
    ),
    section(
      'What becomes of it',
      table(
        ['', 'Part', 'Line'],
        effects.map(({ effect, text: what, place }) => [
          `<span class="badge ${effect}">${EFFECT[effect]}</span>`,
          text(what),
          link(place, isLiveFile(place.file) ? 'in the mesh' : String(place.line)),
        ]),
      ),
    ),
    section(
      'Policies that hold, in the order in which they are asked',
      list(policies.map((policy) => `${subjectLink(policy.subject)}: ${text(policy.summary)}`)),
    ),
    section(
      'Ways of traffic',
      table(
        ['Client', 'Enforced by', 'Identity seen', ''],
        paths.map(({ client, enforcer, identity, text: how }) => [
          text(client),
          `<span class="badge ${enforcer === 'nobody' ? 'nobody' : ''}">${enforcer}</span>`,
          text(IDENTITY[identity]),
          text(how),
        ]),
      ),
    ),
    section('To know', list(notes.map(text))),
  ].join('\n');
}

function section(title: string, content: string): string {
  return content === '' ? '' : `<h2>${text(title)}</h2>${content}`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const cells = (tag: string, all: readonly string[]) => all.map((cell) => `<${tag}>${cell}</${tag}>`).join('');
  return `<table><thead><tr>${cells('th', header)}</tr></thead><tbody>${rows
    .map((row) => `<tr>${cells('td', row)}</tr>`)
    .join('')}</tbody></table>`;
}

function list(items: readonly string[]): string {
  return items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>`;
}

function subjectLink(subject: Subject): string {
  return link(subject.place, nameOf(subject));
}

/** A link to a place in a file; what only the mesh has is no link. */
function link(place: Subject['place'], label: string): string {
  if (isLiveFile(place.file)) return text(label);
  const target = `command:${OPEN_PLACE}?${encodeURIComponent(JSON.stringify([place]))}`;
  return `<a href="${text(target)}">${text(label)}</a>`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
