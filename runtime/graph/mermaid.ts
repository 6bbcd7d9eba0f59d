import type { Scene, SceneEdge, SceneMetrics, SceneNode } from './scene';

/** Longest label line; a SPIFFE id or a policy name may be longer and is cut with an ellipsis. */
const MAX_LABEL = 60;
/** Width reserved for numbers, so that a patch never outgrows the box that the layout made. */
const NUMBER_WIDTH = 20;
const FIGURE_SPACE = '\u2007';
/** A word joiner: without it the label's outer spaces would be trimmed. */
const GUARD = '\u2060';

const escapes: Record<string, string> = {
  '"': '#quot;',
  '<': '#lt;',
  '>': '#gt;',
  '#': '#35;',
  ';': '#59;',
  '&': '#amp;',
  '`': '#96;',
  '|': '#124;',
  '\\': '#92;',
};

/** Makes any text harmless inside a quoted Mermaid label: entities for what the grammar or HTML reads, no line breaks. */
export function escapeLabel(text: string): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, ' ');
  const cut = line.length > MAX_LABEL ? `${line.slice(0, MAX_LABEL - 1)}…` : line;
  return cut.replace(/["<>#;&`|\\]/g, (character) => escapes[character] ?? '');
}

/** One line of numbers of fixed width, rate and p50/p99, e.g. `12/s 1.2/8.0 ms`, centred by figure spaces. */
export function numbersOf([, rate, p50, p99]: SceneMetrics): string {
  const latency = p50 === null ? '' : ` ${short(p50)}/${short(p99 ?? p50)} ms`;
  const text = `${short(rate)}/s${latency}`;
  const left = Math.max(0, Math.floor((NUMBER_WIDTH - text.length) / 2));
  const right = Math.max(0, NUMBER_WIDTH - text.length - left);
  return `${GUARD}${FIGURE_SPACE.repeat(left)}${text}${FIGURE_SPACE.repeat(right)}${GUARD}`;
}

function short(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

/** Denied, plain and older flows differ by words and line style, never by colour alone. */
function labelOf(edge: SceneEdge, metrics: SceneMetrics): string {
  const marks = [edge.mtls ? 'mTLS' : 'plain'];
  if (edge.older) marks.push('older than enrolment');
  if (edge.verdict === 'deny') marks.push('DENIED');
  if (edge.verdict === 'error') marks.push('FAILED');
  const lines = [marks.join(' · '), numbersOf(metrics)];
  if (edge.verdict !== 'allow') lines.push(causeOf(edge));
  return lines
    .filter((line) => line !== '')
    .map(escapeLabel)
    .join('<br/>');
}

/** The policy that refused, or the words of a failure; what was derived says so. */
function causeOf({ policy, policyInferred, reason, inferred }: SceneEdge): string {
  if (policy !== undefined) return policyInferred ? `${policy} (inferred)` : policy;
  return inferred ? `${reason ?? ''} (inferred)`.trim() : (reason ?? '');
}

function arrowOf(edge: SceneEdge): string {
  if (edge.verdict !== 'allow') return '--x';
  return edge.mtls ? '==>' : '-.->';
}

function shapeOf(node: SceneNode): string {
  const label = escapeLabel(node.name);
  switch (node.kind) {
    case 'waypoint':
      return `${node.key}{{"⬡ ${label}<br/>waypoint"}}`;
    case 'service':
      return `${node.key}(["${label}<br/>service"])`;
    case 'external':
      return `${node.key}[/"${label}"/]`;
    case 'workload':
      return `${node.key}["${label}"]`;
  }
}

/**
 * The scene as Mermaid text (flowchart, version 12): namespaces as subgraphs, one identified edge an arrow, so that the
 * page can patch numbers in place. It also stands alone in Markdown.
 */
export function mermaidOf(scene: Scene, metrics: readonly SceneMetrics[], title = 'Mesh traffic'): string {
  const lines = ['flowchart LR', `  accTitle: ${escapeLabel(title)}`];
  const namespaces = [...new Set(scene.nodes.map((node) => node.namespace))].sort();
  namespaces.forEach((namespace, index) => {
    const inside = scene.nodes.filter((node) => node.namespace === namespace).map((node) => `  ${shapeOf(node)}`);
    if (namespace === '') lines.push(...inside);
    else
      lines.push(`  subgraph ns${index}["${escapeLabel(namespace)}"]`, ...inside.map((line) => `  ${line}`), '  end');
  });
  const byKey = new Map(metrics.map((entry) => [entry[0], entry]));
  for (const edge of scene.edges) {
    const label = labelOf(edge, byKey.get(edge.key) ?? [edge.key, 0, null, null, 0, 0, null]);
    lines.push(`  ${edge.source} ${edge.key}@${arrowOf(edge)}|"${label}"| ${edge.destination}`);
  }
  lines.push(
    '  classDef waypoint stroke-width:2px',
    '  classDef denied stroke:#c72e2e,stroke-width:2px',
    '  classDef older stroke-dasharray:2 6',
    ...classLine(
      scene.nodes.filter((node) => node.kind === 'waypoint').map((node) => node.key),
      'waypoint',
    ),
    ...classLine(
      scene.edges.filter((edge) => edge.verdict !== 'allow').map((edge) => edge.key),
      'denied',
    ),
    ...classLine(
      scene.edges.filter((edge) => edge.older).map((edge) => edge.key),
      'older',
    ),
  );
  return `${lines.join('\n')}\n`;
}

function classLine(keys: readonly string[], name: string): string[] {
  return keys.length === 0 ? [] : [`  class ${keys.join(',')} ${name}`];
}
