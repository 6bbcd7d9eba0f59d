/** One series of a metrics page. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Name and labels as written; an exporter writes the same series alike each time. */
  readonly key: string;
}

export interface MetricsPage {
  readonly samples: readonly MetricSample[];
  /** Names that the page declares (`# TYPE`), also those without a series; as written, OpenMetrics leaves `_total` out. */
  readonly families: ReadonlySet<string>;
}

/**
 * Reads a metrics page in Prometheus' text format or OpenMetrics, as ztunnel and Envoy write them. Never throws: a line
 * that is none is left out.
 *
 * @param wanted names of samples to read; a waypoint's page holds thousands of others
 */
export function readMetricsPage(text: string, wanted: ReadonlySet<string>): MetricsPage {
  const samples: MetricSample[] = [];
  const families = new Set<string>();
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length : end + 1;
    if (line.startsWith('# TYPE ')) families.add(line.split(' ', 3)[2] ?? '');
    else if (line !== '' && !line.startsWith('#')) {
      const name = /^[^{\s]*/.exec(line)?.[0] ?? '';
      const sample = wanted.has(name) ? readSample(name, line) : undefined;
      if (sample !== undefined) samples.push(sample);
    }
  }
  return { samples, families };
}

function readSample(name: string, line: string): MetricSample | undefined {
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === '{') {
    const label = /\s*,?\s*([A-Za-z_][\w]*)\s*=\s*"((?:[^"\\]|\\.)*)"/y;
    label.lastIndex = at + 1;
    for (let found = label.exec(line); found !== null; found = label.exec(line)) {
      labels[found[1]!] = found[2]!.includes('\\') ? unescape(found[2]!) : found[2]!;
      at = label.lastIndex;
    }
    at = line.indexOf('}', at) + 1;
    if (at === 0) return undefined;
  }
  const value = Number(
    line
      .slice(at)
      .trim()
      .split(/\s/, 1)[0]
      ?.replace(/^([+-]?)Inf$/, '$1Infinity'),
  );
  return Number.isNaN(value) ? undefined : { name, labels, value, key: line.slice(0, at) };
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
