import { expect, test } from 'vitest';
import { chained, primaryCandidates, type PluginSettings } from '../../runtime/agent/cni-config';

const ours: PluginSettings = { type: 'ambient-cni', socket: '/run/cni.sock', exempt: 'istio-system/ambient-agent-' };
const ptp = { type: 'ptp', ipMasq: false };
const portmap = { type: 'portmap', capabilities: { portMappings: true } };

test.each([
  [
    'a list',
    { cniVersion: '0.3.1', name: 'kindnet', plugins: [ptp, portmap] },
    { cniVersion: '0.3.1', name: 'kindnet', plugins: [ptp, portmap, ours] },
  ],
  [
    'a single plugin',
    { cniVersion: '1.0.0', name: 'net', ...ptp },
    { cniVersion: '1.0.0', name: 'net', plugins: [{ cniVersion: '1.0.0', name: 'net', ...ptp }, ours] },
  ],
  [
    'a list that has ours from an earlier build',
    { name: 'n', disableCheck: true, plugins: [ptp, { type: 'ambient-cni', socket: '/old' }] },
    { name: 'n', disableCheck: true, plugins: [ptp, ours] },
  ],
])('%s', (_, primary, expected) => {
  expect(JSON.parse(chained(JSON.stringify(primary), ours) ?? 'null')).toEqual(expected);
});

test.each(['', '{', 'null', '[]', '{"plugins":[]}', '{"name":"n","plugins":[]}', '{"name":"n","plugins":[{}]}'])(
  'takes %j for no network',
  (text) => expect(chained(text, ours)).toBeUndefined(),
);

test('reads what a container runtime reads, in its order, and not our own file', () => {
  const names = [
    '10-b.conflist',
    '.kept',
    '00-ambient.conflist',
    '05-a.conf',
    '99-c.json',
    '10-b.conflist.8.tmp',
    'x.bak',
  ];
  expect(primaryCandidates(names)).toEqual(['05-a.conf', '10-b.conflist', '99-c.json']);
});
