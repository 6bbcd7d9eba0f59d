import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { ConfigMap, Pod } from '../../../runtime/api/resources';
import { isReady } from '../../../runtime/kube/pod-ready';
import { TestMesh, eventually } from '../mesh';

const NS = 'pods';
let mesh: TestMesh;

beforeAll(async () => {
  mesh = await TestMesh.start();
  await mesh.namespace(NS);
});
afterAll(() => mesh[Symbol.asyncDispose]());

/** A pod whose only container runs a command line. */
function pod(name: string, command: string, spec: object = {}, container: object = {}): Promise<Pod> {
  return mesh.client.create<Pod>(KIND.Pod, {
    metadata: { name, namespace: NS, annotations: { 'ambient.dev/command': command } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'example.com/none', ...container }],
      ...spec,
    },
  });
}

test('a pod is alone: its own user, capabilities, processes and files, and no way to the state folder', async () => {
  const facts = [
    'id -u',
    'grep -E "^(CapEff|CapBnd|CapAmb|NoNewPrivs)" /proc/self/status',
    `ls ${mesh.state} && echo STATE-SEEN`,
    'ls /run /run/ambient',
    'touch /usr/x && echo WRITTEN',
    'unshare --user --map-root-user --mount umount /run && echo UNMOUNTED',
    'echo processes $(ls -d /proc/[0-9]* | wc -l)',
    'echo end',
  ].join('; ');
  await pod(
    'alone',
    `sh -c '${facts}; exec sleep 1000'`,
    {},
    { securityContext: { capabilities: { add: ['NET_RAW'] } } },
  );
  const log = await mesh.logWith(NS, 'alone', /^end$/m);
  expect(Number(log.split('\n')[0])).toBeGreaterThan(99_999);
  // CAP_NET_RAW is bit 13.
  expect(log).toMatch(/CapEff:\s+0000000000002000/);
  expect(log).toMatch(/CapBnd:\s+0000000000002000/);
  expect(log).toMatch(/NoNewPrivs:\s+1/);
  expect(log).not.toMatch(/STATE-SEEN|WRITTEN|UNMOUNTED/);
  expect(log).toMatch(/\/run:\nambient\nlock\nsecrets\n\n\/run\/ambient:\nbin\ndist\nnode_modules\n/);
  // The shell and what it runs; nobody else's.
  expect(Number(/processes (\d+)/.exec(log)![1])).toBeLessThanOrEqual(4);
});

test('volumes hold what their sources hold, and follow them', async () => {
  await mesh.apply(`
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${NS} }
data: { greeting: hello, gone: "1" }
---
apiVersion: v1
kind: Secret
metadata: { name: key, namespace: ${NS} }
stringData: { password: open sesame }
`);
  await pod(
    'volumes',
    `sh -c 'cat /etc/secret/password; echo; echo $GREETING $(stat -c %a /etc/secret/..data/password); until grep -q bye /etc/settings/greeting; do sleep 0.05; done; ls /etc/settings; echo saw $(cat /etc/settings/greeting); exec sleep 1000'`,
    {
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'secret', secret: { secretName: 'key' } },
      ],
    },
    {
      env: [{ name: 'GREETING', valueFrom: { configMapKeyRef: { name: 'settings', key: 'greeting' } } }],
      volumeMounts: [
        { name: 'settings', mountPath: '/etc/settings' },
        { name: 'secret', mountPath: '/etc/secret' },
      ],
    },
  );
  await mesh.logWith(NS, 'volumes', /open sesame\nhello 400/);
  await mesh.client.patch<ConfigMap>(KIND.ConfigMap, 'settings', NS, { data: { greeting: 'bye', gone: null } });
  expect(await mesh.logWith(NS, 'volumes', /saw/)).toMatch(/400\ngreeting\nsaw bye/);
});

test('a mount path may lie where the machine has no folder', async () => {
  const command = `sh -c 'echo kept >/no-such-top/folder/file; cat /no-such-top/folder/file; touch /etc/x /usr/x /x; ls /usr >/dev/null && echo end; exec sleep 1000'`;
  const volumeMounts = [{ name: 'data', mountPath: '/no-such-top/folder' }];
  await pod('own-root', command, { volumes: [{ name: 'data', emptyDir: {} }] }, { volumeMounts });
  const log = await mesh.logWith(NS, 'own-root', /^end$/m);
  expect(log).toMatch(/^kept$/m);
  expect(log.match(/cannot touch/g)).toHaveLength(3);
  expect(existsSync('/no-such-top')).toBe(false);
});

test('a pod waits for a config map that it needs', async () => {
  await pod('waits', 'sleep 1000', { volumes: [{ name: 'v', configMap: { name: 'late' } }] });
  await eventually(async () => {
    const events = await mesh.client.list<Pod & { reason: string; message: string }>(KIND.Event, { namespace: NS });
    return events.find(({ reason, message }) => reason === 'FailedMount' && message.includes('"late" not found'));
  }, 'event FailedMount');
  await mesh.apply(`{ apiVersion: v1, kind: ConfigMap, metadata: { name: late, namespace: ${NS} }, data: { a: b } }`);
  await mesh.pod(NS, 'waits', isReady, 'ready');
});

test('its token is good for its account, its audience and its lifetime', async () => {
  await pod(
    'token',
    `sh -c 'cat /var/run/secrets/tokens/t; echo; exec sleep 1000'`,
    {
      volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'istio-ca' } }] } }],
    },
    { volumeMounts: [{ name: 't', mountPath: '/var/run/secrets/tokens' }] },
  );
  const token = (await mesh.logWith(NS, 'token', /\n/)).trim();
  const review = async (audience: string) => {
    const body = { metadata: { name: '' }, spec: { token, audiences: [audience] } };
    const answer = await mesh.client.create(KIND.TokenReview, body);
    return (answer as unknown as { status: { authenticated?: boolean; user?: { username: string } } }).status;
  };
  expect(await review('istio-ca')).toMatchObject({
    authenticated: true,
    user: { username: `system:serviceaccount:${NS}:default` },
  });
  expect((await review('somebody-else')).authenticated ?? false).toBe(false);
  await mesh.client.delete(KIND.Pod, 'token', NS, { gracePeriodSeconds: 0 });
  expect((await review('istio-ca')).authenticated ?? false).toBe(false);
});

test('a container that ends is started again, as its restart policy says', async () => {
  await pod('again', `sh -c 'echo started; exit 3'`);
  const again = await mesh.pod(NS, 'again', ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) >= 2);
  expect(again.status?.containerStatuses?.[0]?.lastState).toMatchObject({ terminated: { exitCode: 3 } });
  await pod('once', `sh -c 'echo done'`, { restartPolicy: 'Never' });
  const once = await mesh.pod(NS, 'once', ({ status }) => status?.phase === 'Succeeded', 'end');
  expect(once.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(await mesh.log(NS, 'once')).toBe('done\n');
});

test('deletion asks first, then waits, then kills; the object goes last', async () => {
  const polite = `sh -c 'trap "echo asked; exit 0" TERM; echo up; while :; do sleep 0.05; done'`;
  await pod('polite', polite, { terminationGracePeriodSeconds: 30 });
  await pod('deaf', `sh -c 'echo up; exec sleep 1000'`);
  for (const name of ['polite', 'deaf']) await mesh.logWith(NS, name, /up/);
  const started = Date.now();
  await Promise.all(
    ['polite', 'deaf'].map(async (name) => {
      await mesh.client.delete(KIND.Pod, name, NS);
      await eventually(async () => ((await mesh.client.get(KIND.Pod, name, NS)) ? undefined : true), `end of ${name}`);
    }),
  );
  // Far less than the polite one's 30 s, not before the deaf one's 1 s.
  expect(Date.now() - started).toBeLessThan(10_000);
  expect(Date.now() - started).toBeGreaterThan(900);
  const { components } = await mesh.status();
  expect(components.map(({ name }) => name)).not.toContain(`${NS}/deaf`);
});

test('readiness follows the probe, and a log can be read by its tail', async () => {
  const server = `node -e 'let ok = false; process.on("SIGTERM", () => process.exit()); require("http").createServer((q, r) => { console.log(q.url, q.socket.remoteAddress); if (q.url === "/flip") ok = !ok; r.statusCode = ok ? 200 : 503; r.end(); }).listen(8080)'`;
  const readinessProbe = { httpGet: { path: '/ready', port: 'web' }, periodSeconds: 1, failureThreshold: 1 };
  await pod('probed', server, {}, { ports: [{ name: 'web', containerPort: 8080 }], readinessProbe });
  await mesh.logWith(NS, 'probed', /\/ready \S*169\.254\.7\.127/);
  expect(isReady(await mesh.pod(NS, 'probed', ({ status }) => status?.phase === 'Running'))).toBe(false);
  const flip = () => mesh.client.request('GET', mesh.client.podProxyPath(NS, 'probed', 8080, '/flip'));
  await flip();
  await mesh.pod(NS, 'probed', isReady, 'ready');
  await flip();
  await mesh.pod(NS, 'probed', (found) => !isReady(found), 'not ready');
  const tail = await mesh.log(NS, 'probed', { tailLines: '1', timestamps: 'true' });
  expect(tail).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \/\w+ \S+\n$/);
});

test('an image without a program here has a stand-in that says so', async () => {
  await mesh.client.create<Pod>(KIND.Pod, {
    metadata: { name: 'foreign', namespace: NS },
    spec: { containers: [{ name: 'main', image: 'example.com/shop:1', ports: [{ containerPort: 9001 }] }] },
  });
  const found = await mesh.pod(NS, 'foreign', isReady, 'ready');
  expect(found.metadata.annotations).toMatchObject({ 'ambient.dev/stand-in': 'true' });
  expect(found.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'ambient.dev/StandIn', status: 'True' }),
  );
  const answer = await eventually(async () => {
    const response = await mesh.client.request('GET', mesh.client.podProxyPath(NS, 'foreign', 9001, '/'));
    return response.status === 200 ? response : undefined;
  }, 'answer of the stand-in');
  expect(answer.body).not.toBe('');
});
