import { liveOf } from '../live-status';
import type { Path } from '../path';
import { rule } from '../rule';
import { MESH_KINDS } from './live-kinds';

const MANY = 3;
/** Labels that other tools set would make every object differ. */
const OURS = /(^|\.)istio\.io\/|^istio-injection$/;

export const liveDiffers = rule({
  code: 'AMB7001',
  severity: 'info',
  title: 'The mesh holds something else than the file',
  why: 'An object of this name is in the mesh, and what the file writes differs there: the file was changed and not applied, or somebody changed the mesh. What holds now is what the mesh has. Fields that only the mesh has are left alone: the API server adds defaults.',
  aliases: [],
  scope: 'live',
  kinds: MESH_KINDS,
  check({ document, mesh, report }) {
    const live = liveOf(document, mesh);
    if (live === undefined) return;
    const labels = Object.entries(document.value.metadata.labels ?? {}).filter(([key]) => OURS.test(key));
    const paths = [
      ...differences((document.value as { spec?: unknown }).spec, (live.value as { spec?: unknown }).spec, ['spec']),
      ...labels
        .filter(([key, value]) => live.value.metadata.labels?.[key] !== value)
        .map(([key]): Path => ['metadata', 'labels', key]),
    ];
    const [first] = paths;
    if (first === undefined) return;
    const names = paths.slice(0, MANY).map(nameOf).join(', ');
    const more = paths.length > MANY ? `, and ${paths.length - MANY} more` : '';
    report(first, `In the mesh (${mesh.live?.context}) this is something else: ${names}${more}.`, { atKey: true });
  },
});

/** Paths of what is written and differs; a list of another length is one difference. */
function differences(written: unknown, live: unknown, path: Path): Path[] {
  if (typeof live !== 'object') return String(written) === String(live) ? [] : [path];
  const [ours, theirs] = [Object(written), Object(live)] as Record<string, unknown>[];
  if (ours?.['length'] !== theirs?.['length']) return [path];
  return Object.entries(ours ?? {}).flatMap(([key, value]) =>
    differences(value, theirs?.[key], [...path, Array.isArray(written) ? Number(key) : key]),
  );
}

function nameOf(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);
}
