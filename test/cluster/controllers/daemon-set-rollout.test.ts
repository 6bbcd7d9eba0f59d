import { expect, test } from 'vitest';
import type { DaemonSet, Pod } from '../../../runtime/api/resources';
import { limitsOf, oldToReplace, surgeStep } from '../../../runtime/cluster/controllers/daemon-set-rollout';

const NODES = ['a', 'b', 'c'];
const traits = {
  isUpdated: ({ metadata }: Pod) => metadata.name.startsWith('new'),
  isAvailable: ({ metadata }: Pod) => metadata.name.endsWith('available'),
};

/** `a/new-ready` is node a's new pod, ready and not yet available; `available` ones are ready too. */
function pod(text: string): Pod {
  const [nodeName, name] = text.split('/') as [string, string];
  const ready = /ready|available/.test(name);
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return { metadata: { name }, spec: { nodeName, containers: [] }, status: { conditions } } as Pod;
}
const nameOf = ({ spec, metadata }: Pod): string => `${spec.nodeName}/${metadata.name}`;

function set(updateStrategy?: object): DaemonSet {
  return { metadata: { name: 'd' }, spec: { template: { spec: { containers: [] } }, updateStrategy } } as DaemonSet;
}

test.each([
  // given                                                  surge, unavailable
  [undefined, 0, 1],
  [{ rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, 1, 0],
  [{ rollingUpdate: { maxSurge: '34%', maxUnavailable: 0 } }, 2, 0],
  [{ rollingUpdate: { maxUnavailable: '50%' } }, 0, 2],
  [{ type: 'OnDelete' }, 0, 0],
])('%o on three nodes: surge %i, unavailable %i', (given, maxSurge, maxUnavailable) => {
  expect(limitsOf(set(given), NODES.length)).toEqual({ maxSurge, maxUnavailable });
});

test.each([
  // pods                                                            creates     removes
  ['a/old-available b/old-available c/old-available', ['a'], []],
  ['a/old-available a/new b/old-available c/old-available', [], []],
  ['a/old-available a/new-ready b/old-available c/old-available', [], []],
  ['a/old-available a/new-available b/old-available c/old-available', ['b'], ['a/old-available']],
  ['a/new-available b/old-available c/old-available', ['b'], []],
  ['a/new-available b/new-available c/new-available', [], []],
  // An old one that serves nobody needs no room, and does not wait for its successor.
  ['a/old-available b/old c/old', ['b', 'c', 'a'], []],
  ['a/old-available b/old b/new c/new-available', ['a'], ['b/old']],
  // A second change of the template while a surge is on: two old ones, of which the better stays.
  ['a/old-available a/old b/new-available c/new-available', ['a'], ['a/old']],
])('with a surge of one, %s: creates %j, removes %j', (pods, create, remove) => {
  const step = surgeStep(NODES, pods.split(' ').map(pod), 1, traits);
  expect({ create: step.create, remove: step.remove.map(nameOf) }).toEqual({ create, remove });
});

test.each([
  ['a/old-ready b/old-ready c/old-ready', 1],
  ['a/old-ready b/new c/old-ready', 0],
  ['a/old-ready b/old c/old-ready', 1],
  ['a/new-ready b/new-ready c/old-ready', 1],
])('with one unavailable at most, %s: %i removed', (pods, count) => {
  expect(oldToReplace(NODES.length, pods.split(' ').map(pod), 1, traits)).toHaveLength(count);
});
