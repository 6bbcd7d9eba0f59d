import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeLabel, mermaidOf } from '../../runtime/graph/mermaid';
import type { Graph, MeasuredEdge } from '../../runtime/graph/model';
import { FlowSession } from '../../runtime/graph/session';
import { metricsOf, sceneOf } from '../../runtime/graph/scene';

const node = (kind: 'workload' | 'waypoint', name: string) => ({
  id: `${kind}/shop/${name}`,
  kind,
  namespace: 'shop',
  name,
});
const edge = (overrides: Partial<MeasuredEdge>): MeasuredEdge => ({
  id: 'a',
  source: 'workload/shop/front',
  destination: 'workload/shop/cart',
  protocol: 'http',
  mtls: true,
  verdict: 'allow',
  requests: 10,
  bytes: 0,
  rate: 5,
  open: 0,
  ...overrides,
});
const graph = (edges: MeasuredEdge[]): Graph => ({
  nodes: [node('workload', 'front'), node('workload', 'cart'), node('waypoint', 'waypoint')],
  edges,
});

test('numbers change by delta, participants by snapshot', () => {
  const session = new FlowSession();
  const first = session.next(graph([edge({})]));
  const second = session.next(graph([edge({ rate: 7 })]));
  const third = session.next(graph([edge({}), edge({ id: 'b', verdict: 'deny', policy: 'shop/p' })]));
  expect([first.kind, second.kind, third.kind]).toEqual(['snapshot', 'delta', 'snapshot']);
  expect([first.seq, second.seq, third.seq]).toEqual([1, 2, 3]);
  expect([first.generation, second.generation, third.generation]).toEqual([1, 1, 2]);
  session.resync();
  expect(session.next(graph([edge({})])).kind).toBe('snapshot');
});

test('a flow through a waypoint is two arrows, one when collapsed, and one to the waypoint when denied there', () => {
  const through = graph([edge({ waypoint: 'waypoint/shop/waypoint' })]);
  expect(sceneOf(through).edges).toHaveLength(2);
  expect(sceneOf(through, { collapse: true }).edges).toHaveLength(1);
  const denied = sceneOf(graph([edge({ waypoint: 'waypoint/shop/waypoint', verdict: 'deny' })]));
  expect(denied.edges).toHaveLength(1);
  expect(denied.nodes.find((entry) => entry.key === denied.edges[0]?.destination)?.kind).toBe('waypoint');
});

test('hops that several flows share are summed', () => {
  const waypoint = 'waypoint/shop/waypoint';
  const shared = graph([edge({ waypoint }), edge({ id: 'b', destination: 'workload/shop/other', waypoint })]);
  const scene = sceneOf({ ...shared, nodes: [...shared.nodes, node('workload', 'other')] });
  const first = scene.edges.find((drawn) => drawn.flows.length === 2);
  expect(metricsOf(scene, shared).find(([key]) => key === first?.key)).toMatchObject({ 1: 10, 4: 20 });
});

test('mermaid text names locks, denials and policies in words', () => {
  const denied = graph([edge({ verdict: 'deny', policy: 'shop/only-cart' })]);
  const scene = sceneOf(denied);
  const text = mermaidOf(scene, metricsOf(scene, denied));
  expect(text).toContain('flowchart LR');
  expect(text).toContain('e0@--x|');
  expect(text).toContain('DENIED');
  expect(text).toContain('shop/only-cart');
});

test('no text breaks out of a label', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(escapeLabel(text).replace(/#\w+;/g, '')).not.toMatch(/["<>#;&`|\\\n\r]/);
    }),
  );
});
