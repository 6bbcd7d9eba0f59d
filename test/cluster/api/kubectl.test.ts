import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectlPath } from '../../peers/kubectl-path';
import { TestCluster } from './test-cluster';

const APP = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 80, name: http}]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http, name: http}]
`;
const WIDGETS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1}
              color: {type: string, default: red, enum: [red, blue]}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - name: v1beta1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`;

let cluster: TestCluster;
const run = async (command: string, input?: string): Promise<string> => {
  const { code, out, err } = await cluster.kubectl(command, input);
  expect({ command, code, err: code === 0 ? '' : err }).toEqual({ command, code: 0, err: '' });
  return out;
};
const refused = async (command: string, input?: string): Promise<string> => {
  const { code, err } = await cluster.kubectl(command, input);
  expect({ command, failed: code !== 0 }).toEqual({ command, failed: true });
  return err;
};

beforeAll(async () => {
  kubectlPath();
  cluster = await TestCluster.start();
}, 1_200_000);
afterAll(() => cluster[Symbol.asyncDispose]());

describe('objects', () => {
  test('apply creates, leaves alone what has not changed, and changes one item of a list', async () => {
    await run('create namespace shop');
    expect(await run('apply -n shop -f -', APP)).toBe('deployment.apps/web created\nservice/web created\n');
    expect(await run('apply -n shop -f -', APP)).toBe('deployment.apps/web unchanged\nservice/web unchanged\n');
    expect(await run('apply -n shop -f -', APP.replace('value: "2"', 'value: "3"'))).toContain('web configured');
    const env = await run("get -n shop deployment web -o jsonpath='{.spec.template.spec.containers[0].env}'");
    expect(JSON.parse(env)).toEqual([
      { name: 'A', value: '1' },
      { name: 'B', value: '3' },
    ]);
    const deployment = JSON.parse(await run('get -n shop deployment web -o json')) as Record<string, never>;
    expect(deployment).toMatchObject({
      metadata: { generation: 2 },
      spec: { revisionHistoryLimit: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } },
    });
  });

  test('get shows the columns that people know', async () => {
    expect(await run('get -n shop deployment,service -o wide')).toMatch(
      /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\s+CONTAINERS\s+IMAGES\s+SELECTOR\ndeployment.apps\/web\s+0\/2\s+0\s+0\s+\d+s\s+web\s+web:1\s+app=web\n\nNAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE\s+SELECTOR\nservice\/web\s+ClusterIP\s+10\.96\.\d+\.\d+\s+<none>\s+80\/TCP\s+\d+s\s+app=web/,
    );
  });

  test('label, annotate, patch, scale, describe', async () => {
    expect(await run('label -n shop deployment web tier=front')).toContain('labeled');
    expect(await run('annotate -n shop deployment web note=1')).toContain('annotated');
    expect(await run('scale -n shop deployment web --replicas=5')).toContain('scaled');
    const patch = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:9"}]}}}}';
    await run(`patch -n shop deployment web -p '${patch}'`);
    const text = await run('describe -n shop deployment web');
    expect(text).toMatch(/tier=front[^]*note: 1[^]*5 desired[^]*web:9[^]*B: +3/);
  });

  test.each([
    ['get pod none', 'pods "none" not found'],
    ['get -n shop widgetry', "the server doesn't have a resource type"],
    ['create namespace shop', 'namespaces "shop" already exists'],
    ['create configmap x -n nowhere', 'namespaces "nowhere" not found'],
    ['create namespace Shop_1', 'a lowercase RFC 1123 label must consist of'],
    [
      `patch -n shop deployment web --type=json -p '[{"op":"replace","path":"/spec/selector/matchLabels/app","value":"x"}]'`,
      'field is immutable',
    ],
    [
      `patch -n shop service web --type=json -p '[{"op":"replace","path":"/spec/ports/0/port","value":70000}]'`,
      'must be between 1 and 65535',
    ],
    ['exec -n shop none -- true', 'not found'],
  ])('%s is refused: %s', async (command, message) => {
    expect(await refused(command)).toContain(message);
  });

  test('validation names the path of an unknown field, a wrong type and a missing value', async () => {
    const unknown = APP.replace('replicas: 2', 'replicsa: 2').replace('name: web, labels', 'name: other, labels');
    expect(await refused('create -n shop -f -', unknown)).toContain(
      'strict decoding error: unknown field "spec.replicsa"',
    );
    const mistyped = APP.replace('replicas: 2', 'replicas: two');
    expect(await refused('apply -n shop -f -', mistyped)).toContain('spec.replicas');
    const incomplete = APP.replace('image: web:1', '').replaceAll('name: web,', 'name: fresh,');
    expect(await refused('create -n shop -f -', incomplete)).toContain(
      'spec.template.spec.containers[0].image: Required value',
    );
  });

  test('wait, delete, and a namespace that takes its content along', async () => {
    await run('run p --image=web:1 -n shop');
    const waiting = cluster.kubectl('wait -n shop --for=delete pod/p --timeout=10s');
    await run('delete pod p -n shop');
    expect((await waiting).code).toBe(0);
    await run('delete namespace shop --timeout=10s');
    expect(await refused('get namespace shop')).toContain('not found');
    expect(await run('get all -A')).not.toContain('web');
  });
});

describe('server-side apply', () => {
  const map = (data: string): string => `{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {${data}}}`;

  test('removes what is no longer applied, and reports conflicts unless forced', async () => {
    await run('apply --server-side --field-manager=one -f -', map('x: "1", y: "2"'));
    await run('apply --server-side --field-manager=one -f -', map('x: "1"'));
    expect(await run("get configmap m -o jsonpath='{.data}'")).toBe('{"x":"1"}');
    expect(await refused('apply --server-side --field-manager=two -f -', map('x: "2"'))).toContain(
      'conflict with "one": .data.x',
    );
    await run('apply --server-side --field-manager=two --force-conflicts -f -', map('x: "2"'));
    await run('apply --server-side --field-manager=one -f -', map(''));
    expect(await run("get configmap m -o jsonpath='{.data}'")).toBe('{"x":"2"}');
  });

  test('owns single items of a list', async () => {
    const deployment = (container: string): string => APP.split('---')[0]!.replace(/image: web:1[^]*/, container);
    await run('apply --server-side --field-manager=one -f -', deployment('image: web:1'));
    const sidecar = deployment('image: web:1\n      - {name: side, image: side:1}');
    await run('apply --server-side --field-manager=two -f -', sidecar);
    await run('apply --server-side --field-manager=one -f -', deployment('image: web:1'));
    const images = "get deployment web -o jsonpath='{.spec.template.spec.containers[*].image}'";
    expect(await run(images)).toBe('web:1 side:1');
    await run('apply --server-side --field-manager=two -f -', deployment('image: web:1'));
    expect(await run(images)).toBe('web:1');
  });
});

describe('custom resources', () => {
  const widget = (spec: string): string =>
    `{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {${spec}}}`;

  test('a definition is served at once, in all its versions, with defaults, columns and validation', async () => {
    await run('apply -f -', WIDGETS);
    await run('wait --for=condition=Established crd/widgets.example.com --timeout=5s');
    await run('apply -f -', widget('size: 3'));
    expect(await run('get wd')).toMatch(/NAME\s+SIZE\nw\s+3\n/);
    expect(await run("get widgets.v1beta1.example.com w -o jsonpath='{.apiVersion} {.spec.color}'")).toBe(
      'example.com/v1beta1 red',
    );
    const bad = await refused('apply -f -', widget('size: 0, color: green'));
    expect(bad).toContain('spec.size in body should be greater than or equal to 1');
    expect(bad).toContain('Unsupported value: "green": supported values: "red", "blue"');
    expect(await refused('apply -f -', widget('size: 1, colour: red'))).toContain('unknown field "spec.colour"');
  });

  test('status and spec are written apart', async () => {
    await run(`patch wd w --subresource=status --type=merge -p '{"status":{"ok":true},"spec":{"size":9}}'`);
    await run(`patch wd w --type=merge -p '{"status":{"ok":false},"spec":{"size":4}}'`);
    expect(await run("get wd w -o jsonpath='{.spec.size} {.status.ok} {.metadata.generation}'")).toBe('4 true 2');
  });

  test('objects that break a CEL rule are refused, in the words of the API server', async () => {
    const route = (rule: string): string =>
      `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {rules: [${rule}]}}`;
    const redirect = 'filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301}}]';
    const backends = 'backendRefs: [{name: a, port: 80}]';
    expect(await refused('apply -f -', route(`{${redirect}, ${backends}}`))).toBe(
      'The HTTPRoute "r" is invalid: spec.rules[0]: Invalid value: "object": RequestRedirect filter must not be used together with backendRefs\n',
    );
    await run('apply -f -', route(`{${backends}}`));
    // Nothing is judged as long as something else is wrong.
    const both = await refused('apply -f -', route(`{${redirect}, backendRefs: [{port: 80}]}`));
    expect(both).toContain('spec.rules[0].backendRefs[0].name: Required value');
    expect(both).toContain('<nil>: Invalid value: null: some validation rules were not checked');
  });

  test('a rule about changes counts from the second write, and one that is not understood is told of', async () => {
    const rules = `[{rule: "self.size >= oldSelf.size", message: widgets only grow}, {rule: "quantity(self.color)"}]`;
    const definition = WIDGETS.replace(
      'required: [size]',
      `required: [size]\n            x-kubernetes-validations: ${rules}`,
    );
    const { code, err } = await cluster.kubectl('apply -f -', definition);
    expect(code).toBe(0);
    expect(err).toContain('the rule "quantity(self.color)" is kept and not evaluated by this cluster');
    await run('apply -f -', widget('size: 9'));
    expect(await refused('apply -f -', widget('size: 8'))).toContain(
      'spec: Invalid value: "object": widgets only grow',
    );
    await run('apply -f -', widget('size: 10'));
  });

  test('a deleted definition takes its objects along', async () => {
    await run('delete crd widgets.example.com --timeout=10s');
    expect(await refused('get wd')).toMatch(/doesn't have a resource type|could not find the requested resource/);
  });
});
