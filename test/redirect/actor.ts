// A process that the capture tests place in a pod (an application) or beside it (a small ztunnel): commands come as JSON
// lines on standard input, each answered by one JSON line.
import dgram from 'node:dgram';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { openDelivery } from '../../runtime/redirect/delivery';
import { followAgent, type EnrolledPods } from '../../runtime/ztunnel/zds';
import { bindUdp, fdOf, listenTcp, openNamespace, originalDestination } from '../../runtime/redirect/sockets';

interface Command {
  id: number;
  do: 'serve' | 'close' | 'fetch' | 'say' | 'udp' | 'ztunnel' | 'follow';
  name?: string;
  host?: string;
  port?: number;
  keep?: string;
  text?: string;
  connected?: boolean;
  netns?: string;
  uid?: string;
  root?: string;
  path?: string;
}

const kept = new Map<string, net.Socket>();

/** An application: tells each client who it is and whom it sees, then echoes. */
function serve({ name, host, port }: Command): Promise<object> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`${JSON.stringify({ app: name, client: socket.remoteAddress, clientPort: socket.remotePort })}\n`);
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host ?? '0.0.0.0', () => resolve({ port: (server.address() as net.AddressInfo).port }));
  });
}

function firstLine(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const data = (chunk: Buffer): void => {
      text += String(chunk);
      if (!text.includes('\n')) return;
      socket.off('data', data);
      resolve(text.slice(0, text.indexOf('\n')));
    };
    socket.on('data', data);
    socket.once('error', reject);
    socket.once('close', () => reject(Object.assign(new Error('closed'), { code: 'CLOSED' })));
  });
}

async function fetchLine({ host, port, keep }: Command): Promise<object> {
  const socket = net.connect({ host, port: port!, timeout: 5000 });
  socket.on('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
  const line = JSON.parse(await firstLine(socket)) as object;
  const seen = { ...line, peer: socket.remoteAddress, peerPort: socket.remotePort, local: socket.localAddress };
  if (keep !== undefined) kept.set(keep, socket.setTimeout(0));
  else socket.destroy();
  return seen;
}

async function say({ keep, text }: Command): Promise<object> {
  const socket = kept.get(keep!)!;
  const answer = firstLine(socket);
  socket.write(`${text}\n`);
  return { text: await answer };
}

/** Ends a connection that was kept. */
function close({ keep }: Command): object {
  kept.get(keep!)?.destroy();
  return {};
}

function udp({ host, port, text, connected }: Command): Promise<object> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(host!.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', reject);
    socket.once('message', (message, from) => {
      socket.close();
      resolve({ text: String(message), from: from.address, fromPort: from.port });
    });
    if (connected === true) socket.connect(port!, host, () => socket.send(text!));
    else socket.send(text!, port, host);
  });
}

/**
 * What the tests need of ztunnel in one pod: it says where captured connections wanted to go, and delivers inbound ones.
 * Returns how to stop listening; connections go on.
 */
function openPod(pod: number, uid: string, root: string | undefined): () => void {
  const delivery = openDelivery(pod, uid, root);
  const listeners: { close(): unknown }[] = [];
  for (const address of ['0.0.0.0', '::']) {
    const outbound = net.createServer((socket) => {
      socket.on('error', () => {});
      const to = originalDestination(fdOf(socket)) ?? { address: socket.localAddress, port: socket.localPort };
      socket.write(`${JSON.stringify({ outbound: `${to.address} ${to.port}`, source: socket.remoteAddress })}\n`);
      socket.pipe(socket);
    });
    const inbound = net.createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {});
      const to = originalDestination(fdOf(socket)) ?? { address: socket.localAddress!, port: socket.localPort! };
      const client = socket.remoteAddress!;
      const fd = delivery.connect(to, { client });
      const upstream = new net.Socket({ fd });
      upstream.connect(to.port, to.address);
      upstream.once('connect', () => delivery.release(fd));
      upstream.on('error', () => socket.destroy());
      upstream.on('close', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
      upstream.pipe(socket);
      socket.pipe(upstream);
      socket.resume();
    });
    const options = { reusePort: true, v6Only: true };
    outbound.listen({ fd: listenTcp(pod, address, 15001, options) });
    inbound.listen({ fd: listenTcp(pod, address, 15006, options) });
    // Bound to the loopback that it is redirected to: from any other address connection tracking knows no answer.
    const dns = dgram.createSocket(address === '::' ? 'udp6' : 'udp4');
    dns.on('message', (message, from) => dns.send(`proxied ${String(message)}`, from.port, from.address));
    dns.bind({ fd: bindUdp(pod, address === '::' ? '::1' : '127.0.0.1', 15053, options) });
    listeners.push(outbound, inbound, dns);
  }
  return () => listeners.forEach((listener) => listener.close());
}

function ztunnel({ netns, uid, root }: Command): object {
  openPod(openNamespace(netns!), uid!, root);
  return { listening: true };
}

/** A ztunnel that learns of its pods from the agent, by our own ztunnel's end of ZDS. */
function follow({ path, root }: Command): Promise<object> {
  const stop = new Map<string, () => void>();
  const pods: EnrolledPods = {
    add: async ({ uid }, netns) => {
      stop.get(uid)?.();
      stop.set(uid, openPod(netns, uid, root));
    },
    remove: (uid) => {
      stop.get(uid)?.();
      stop.delete(uid);
    },
    retain: (uids) => {
      for (const uid of stop.keys()) if (!uids.has(uid)) pods.remove(uid);
    },
  };
  return new Promise((resolve, reject) => {
    const onReady = (ready: boolean): void => {
      if (ready) resolve({ pods: [...stop.keys()] });
    };
    followAgent(path!, pods, { signal: new AbortController().signal, onReady }).catch(reject);
  });
}

const actions: Record<Command['do'], (command: Command) => object | Promise<object>> = {
  serve,
  fetch: fetchLine,
  say,
  udp,
  ztunnel,
  follow,
  close,
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line) as Command;
    const answer = (body: object): boolean => process.stdout.write(`${JSON.stringify({ id: command.id, ...body })}\n`);
    Promise.resolve()
      .then(() => actions[command.do](command))
      .then(answer, (error: NodeJS.ErrnoException) => answer({ error: error.code ?? error.message }));
  })
  .once('close', () => process.exit(0));
