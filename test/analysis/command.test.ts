import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeText, encodeText, encodingOf } from '../../runtime/analysis/text-encoding';

const root = path.join(import.meta.dirname, '..', '..');
let folder: string;

/** The parts of SARIF 2.1.0 that readers need. */
interface Sarif {
  readonly runs: readonly [
    {
      readonly tool: {
        readonly driver: {
          readonly rules: readonly {
            readonly id: string;
            readonly shortDescription: { readonly text: string };
            readonly fullDescription: { readonly text: string };
            readonly defaultConfiguration: { readonly level: string };
          }[];
        };
      };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly level: string;
        readonly message: { readonly text: string };
        readonly locations: readonly [
          {
            readonly physicalLocation: {
              readonly artifactLocation: { readonly uri: string };
              readonly region: Readonly<Record<'startLine' | 'startColumn' | 'endLine' | 'endColumn', number>>;
            };
          },
        ];
      }[];
    },
  ];
}

/** The command itself, from the sources, in a folder with manifests. */
function ambient(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  return ambientWith('', ...args);
}

/** As `ambient`, with a text as standard input. */
function ambientWith(input: string, ...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(folder, 'ambient.cjs'), ...args], {
    cwd: path.join(folder, 'work'),
    encoding: 'utf8',
    input,
    // Without a mesh of its own, nor the user's.
    env: { ...process.env, NODE_PATH: path.join(root, 'node_modules'), AMBIENT_STATE: path.join(folder, 'state') },
  });
  return { code: status, stdout, stderr };
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ambient-analyze-'));
  await build({
    entryPoints: [path.join(root, 'runtime', 'cli', 'ambient.ts')],
    outfile: path.join(folder, 'ambient.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url=require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  const fixture = (rule: string, name: string) =>
    readFileSync(path.join(import.meta.dirname, 'fixtures', rule, name), 'utf8');
  const put = (file: string, text: string) => {
    const full = path.join(folder, 'work', file);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, text);
  };
  put('good.yaml', fixture('target-not-found', 'good.yaml'));
  put('deeper/bad.yml', fixture('waypoint-listener', 'bad.yaml'));
  put('deeper/hint.yaml', fixture('service-account-not-found', 'bad.yaml'));
  put('deeper/bad:1,2.json', JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 5 } }));
  for (const skipped of ['node_modules', '.git']) put(`${skipped}/x.yaml`, fixture('waypoint-listener', 'bad.yaml'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('ambient analyze', () => {
  test('judges by the definitions of the version that is meant', () => {
    const policy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: a, namespace: a }
spec: { rules: [{ from: [{ source: { trustDomains: [other] } }] }] }
`;
    const judged = (version: string) => ambientWith(policy, 'analyze', '--istio-version', version, '-');
    expect(judged('1.30').stdout).not.toContain('AMB1005');
    expect(judged('1.29.5').stdout).toContain('has no field "trustDomains". It needs Istio 1.30.');
    const { code, stderr } = judged('1.12');
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Give one of 1.31, 1.30, 1.29'),
    });
  });

  test('judges the working folder and names each place', () => {
    const { code, stdout } = ambient('analyze');
    expect(code).toBe(1);
    expect(stdout).toContain('deeper/bad.yml:12:11: error AMB2012 A waypoint listens on port 15008');
    expect(stdout).toMatch(/^4 files: 4 errors, 1 warning, 1 hint$/m);
    expect(stdout).not.toContain('node_modules');
  });

  test.each([
    [['good.yaml'], 0],
    [['deeper/hint.yaml'], 0],
    [['deeper/hint.yaml', '--fail-on', 'hint'], 1],
    [['deeper/bad.yml', 'good.yaml'], 1],
    [['missing.yaml'], 2],
    [['--fail-on', 'never'], 2],
    [['--fix', '-'], 2],
  ])('%j exits with %i', (args, code) => {
    expect(ambient('analyze', ...args).code).toBe(code);
  });

  test('prints JSON with places and fixes', () => {
    const diagnostics = JSON.parse(ambient('analyze', 'deeper/bad.yml', '-o', 'json').stdout) as object[];
    expect(diagnostics[0]).toMatchObject({
      code: 'AMB2012',
      severity: 'error',
      file: 'deeper/bad.yml',
      line: 12,
      column: 11,
      endLine: 12,
      endColumn: 16,
      aliases: ['IST0171'],
      fixes: [{ safe: true, edits: [{ file: 'deeper/bad.yml', newText: '15008' }] }],
    });
  });

  test('prints GitHub annotations, with the characters escaped that would end them', () => {
    expect(ambient('analyze', 'deeper', '-o', 'github').stdout).toContain(
      '::error file=deeper/bad%3A1%2C2.json,line=1,endLine=1,col=',
    );
  });

  test('prints SARIF 2.1.0 as its schema wants it', () => {
    const sarif = JSON.parse(ambient('analyze', '-o', 'sarif').stdout) as Sarif;
    expect(sarif).toMatchObject({ version: '2.1.0', $schema: expect.stringContaining('sarif-2.1.0') as unknown });
    const [run] = sarif.runs;
    const { rules } = run.tool.driver;
    expect(run.results.length).toBe(6);
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    for (const { shortDescription, fullDescription, defaultConfiguration } of rules) {
      expect([shortDescription.text, fullDescription.text].every((text) => text.length > 0)).toBe(true);
      expect(['error', 'warning', 'note', 'none']).toContain(defaultConfiguration.level);
    }
    for (const { ruleId, ruleIndex, level, message, locations } of run.results) {
      expect(rules[ruleIndex]?.id).toBe(ruleId);
      expect(['error', 'warning', 'note', 'none']).toContain(level);
      expect(message.text).not.toBe('');
      const [{ physicalLocation }] = locations;
      const { startLine, startColumn, endLine, endColumn } = physicalLocation.region;
      expect([startLine, startColumn, endLine, endColumn].every((one) => Number.isInteger(one) && one > 0)).toBe(true);
      expect(endLine > startLine || (endLine === startLine && endColumn > startColumn)).toBe(true);
      // A relative reference whose characters are escaped: a colon in its first part would be a scheme.
      expect(physicalLocation.artifactLocation.uri).toMatch(/^[\w.%~-]+(\/[\w.%~-]+)*$/);
    }
  });

  test.each(['utf-16le', 'utf-16be'] as const)('reads %s, and fixes it in the same encoding', (encoding) => {
    const text = readFileSync(path.join(import.meta.dirname, 'fixtures', 'waypoint-listener', 'bad.yaml'), 'utf8');
    const file = path.join(folder, 'wide.yaml');
    writeFileSync(file, encodeText(`\ufeff${text}`, encoding));
    expect(ambient('analyze', '--fix', file).stderr).toContain(`${file}:12: AMB2012`);
    const written = readFileSync(file);
    expect(encodingOf(written)).toBe(encoding);
    expect(decodeText(written)).toContain('port: 15008');
  });

  test('judges standard input', () => {
    const text = readFileSync(path.join(import.meta.dirname, 'fixtures', 'waypoint-listener', 'bad.yaml'), 'utf8');
    const { code, stdout } = ambientWith(text, 'analyze', '-');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^stdin\.yaml:12:11: error AMB2012 /);
    expect(ambientWith('', 'analyze', '-').code).toBe(0);
  });

  test('--fix writes what has one right answer, and leaves the rest', () => {
    const { code, stderr } = ambient('analyze', '--fix', 'deeper/bad.yml');
    expect(code).toBe(1);
    expect(stderr).toBe(
      [
        'deeper/bad.yml:12: AMB2012 Listen on 15008',
        'deeper/bad.yml:14: AMB2012 Speak HBONE',
        'fixed: 2 in 1 file\n',
      ].join('\n'),
    );
    const text = readFileSync(path.join(folder, 'work', 'deeper', 'bad.yml'), 'utf8');
    expect(text).toContain('port: 15008');
    expect(text).toContain('protocol: HBONE # wrong');
  });
});

describe('ambient explain', () => {
  const put = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, 'explain', file)), { recursive: true });
    writeFileSync(path.join(folder, 'explain', file), text);
  };
  beforeAll(() => {
    const [policy = '', ...around] = readFileSync(
      path.join(import.meta.dirname, 'fixtures', 'l7-deny-without-waypoint', 'bad.yaml'),
      'utf8',
    ).split(/^---\n/m);
    put('policy.yaml', policy);
    put('around.yaml', around.join('---\n'));
  });
  const file = '../explain/policy.yaml';

  test('tells who enforces the policies of a file, with the files beside it, and where what is lost stands', () => {
    const { code, stdout } = ambient('explain', file);
    expect(code).toBe(1);
    expect(stdout).toContain('Enforced by ztunnel at 1 workload; as a whole this policy denies nothing');
    expect(stdout).toMatch(/void {5}Rule 1 denies nothing: .*\(\.\.\/explain\/policy\.yaml:\d+:\d+\)/);
    expect(stdout).not.toContain('Deployment shop/reviews  (');
  });

  test.each([
    [
      ['AuthorizationPolicy/no-deletes', '-n', 'shop', '--path', '../explain'],
      1,
      'AuthorizationPolicy shop/no-deletes',
    ],
    [['authorizationpolicies/no-deletes', '--path', '../explain'], 1, 'AuthorizationPolicy shop/no-deletes'],
    [['deploy/reviews', '--path', '../explain'], 0, 'Deployment shop/reviews'],
    [['AuthorizationPolicy/no-deletes', '-n', 'other', '--path', '../explain'], 2, ''],
    [['namespace/shop', '--path', '../explain'], 2, ''],
    [['missing.yaml'], 2, ''],
    [[file, '--live'], 1, ''],
  ])('%j exits with %i', (args, code, start) => {
    const ended = ambient('explain', ...args);
    expect([ended.code, ended.stdout.slice(0, start.length)]).toEqual([code, start]);
  });

  test('reads standard input, and prints JSON', () => {
    const policy = readFileSync(path.join(folder, 'explain', 'policy.yaml'), 'utf8');
    const { stdout } = ambientWith(policy, 'explain', '-', '--path', '../explain/around.yaml', '-o', 'json');
    const [enforcement] = JSON.parse(stdout) as object[];
    expect(enforcement).toMatchObject({
      subject: { kind: 'AuthorizationPolicy', namespace: 'shop', name: 'no-deletes', place: { file: 'stdin.yaml' } },
      enforcers: [{ by: 'ztunnel', target: { kind: 'Deployment', name: 'reviews' } }],
    });
  });
});

describe('wrong input', () => {
  test.each([[[]], [['waypoint']]])('%j shows which commands there are', (args) => {
    const { code, stdout, stderr } = ambient(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: ambient .*\n[^]*Commands:\n/);
    expect(stderr).not.toContain('error');
  });

  test('what is to be explained and is in no file', () => {
    expect(ambient('explain', 'deploy/missing').stderr).toMatch(/^error: There is no deploy\/missing in the files\.\n/);
  });
});
