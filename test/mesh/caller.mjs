// Runs inside a pod of a mesh under test and sends the requests that the test asks for, through the pod proxy:
// single ones, a steady load, and several on one connection. Only what really happened on the wire is answered.
import http from 'node:http';
import net from 'node:net';

const TIMEOUT_MS = 10_000;

/** One request; never rejects. */
function send({ url, method = 'GET', headers = {}, agent = false }) {
  return new Promise((resolve) => {
    const started = Date.now();
    const request = http.request(url, { method, headers, agent, timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, body, started }));
      response.once('error', (error) => resolve({ error: `answer cut: ${error.message}`, started }));
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.once('error', (error) => resolve({ error: error.code ?? error.message, started }));
    request.end();
  });
}

const loads = new Map();

/** Sends `rate` requests a second, each on a connection of its own, whatever became of the ones before. */
function startLoad({ name, url, rate, headers }) {
  const load = { sent: 0, answered: 0, failures: [], pending: new Set(), timer: undefined };
  const begun = performance.now();
  const tick = () => {
    // Deadlines that were missed while this process had no processor are made up for.
    const due = Math.min(((performance.now() - begun) * rate) / 1000, load.sent + rate);
    while (load.sent < due) {
      load.sent += 1;
      const done = send({ url, headers }).then((ending) => {
        if (ending.status === 200) load.answered += 1;
        else load.failures.push({ time: ending.started, reason: ending.error ?? `status ${ending.status}` });
        load.pending.delete(done);
      });
      load.pending.add(done);
    }
  };
  load.timer = setInterval(tick, 1000 / rate);
  loads.set(name, load);
  return {};
}

const countsOf = ({ sent, answered, failures }) => ({ sent, answered, failures });

async function stopLoad({ name }) {
  const load = loads.get(name);
  clearInterval(load.timer);
  await Promise.all(load.pending);
  loads.delete(name);
  return countsOf(load);
}

const held = new Map();

/** A request on a connection that stays; its local port tells it from others, `opened` counts how many there were. */
async function sendHeld({ name, ...request }) {
  let one = held.get(name);
  if (one === undefined) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    one = { agent, sockets: [] };
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (...args) => {
      const socket = connect(...args);
      socket.once('connect', () => one.sockets.push(socket.localPort));
      return socket;
    };
    held.set(name, one);
  }
  const ending = await send({ ...request, agent: one.agent });
  return { ...ending, port: one.sockets.at(-1), opened: one.sockets.length };
}

function release({ name }) {
  held.get(name)?.agent.destroy();
  held.delete(name);
  return {};
}

const actions = {
  '/request': send,
  '/load/start': startLoad,
  '/load/look': ({ name }) => countsOf(loads.get(name)),
  '/load/stop': stopLoad,
  '/held': sendHeld,
  '/held/end': release,
};

const server = http.createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const action = actions[request.url];
  const answer = action === undefined ? { error: `no ${request.url}` } : await action(JSON.parse(text || '{}'));
  response.writeHead(action === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
});
net.setDefaultAutoSelectFamily(false);
server.listen(9900);
process.once('SIGTERM', () => process.exit());
