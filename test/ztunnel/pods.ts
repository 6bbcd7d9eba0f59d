import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { closeFd, createStreamSocket, listenTcp, openNamespace } from '../../runtime/redirect/sockets';

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });

/** The in-pod rules of the protocol reference, 4.2, as nftables with policy routing. */
const CAPTURE = `
table inet nat {
  chain prerouting { type nat hook prerouting priority -100;
    ip saddr 169.254.7.127 tcp dport 0-65535 accept
    ip daddr != 127.0.0.1 tcp dport != 15008 mark and 0xfff != 0x539 redirect to :15006
  }
  chain output { type nat hook output priority -100;
    oifname != lo mark and 0xfff != 0x539 udp dport 53 redirect to :15053
    ip daddr != 127.0.0.1 tcp dport 53 mark and 0xfff != 0x539 redirect to :15053
    meta l4proto tcp mark and 0xfff == 0x111 accept
    oifname lo ip daddr != 127.0.0.1 accept
    ip daddr != 127.0.0.1 meta l4proto tcp mark and 0xfff != 0x539 redirect to :15001
  }
}
table inet mangle {
  chain prerouting { type filter hook prerouting priority -150; mark and 0xfff == 0x539 ct mark set ct mark and 0xfffff000 or 0x111; }
  chain output { type route hook output priority -150; ct mark and 0xfff == 0x111 meta mark set ct mark; }
}
`;

export interface TestPod {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly uid: string;
  readonly address: string;
  readonly netns: number;
  readonly netnsName: string;
}

/** Pods as network namespaces on a bridge in a namespace of their own; nothing touches the host's network. */
export class TestNode {
  readonly #prefix = `zt${process.pid}`;
  /** Name of the node's own namespace. */
  readonly name = `zt${process.pid}-node`;
  readonly #names: string[] = [];
  readonly #fds: number[] = [];
  readonly #servers: net.Server[] = [];
  #next = 2;

  constructor() {
    this.#namespace('node');
    this.nsenter('node', 'ip', 'link', 'add', 'br0', 'type', 'bridge');
    this.nsenter('node', 'ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'br0');
    this.nsenter('node', 'ip', 'link', 'set', 'br0', 'up');
  }

  #namespace(name: string): string {
    const full = `${this.#prefix}-${name}`;
    ip('netns', 'add', full);
    this.#names.push(full);
    ip('-n', full, 'link', 'set', 'lo', 'up');
    return full;
  }

  nsenter(name: string, command: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', `${this.#prefix}-${name}`, command, ...args], { encoding: 'utf8' });
  }

  /** Makes a pod on the bridge; `enrolled` adds the capture rules. */
  pod(name: string, { namespace = 'default', serviceAccount = name, enrolled = true } = {}): TestPod {
    const netnsName = this.#namespace(name);
    const node = `${this.#prefix}-node`;
    const index = this.#next++;
    const address = `10.9.0.${index}`;
    ip('-n', node, 'link', 'add', `veth${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netnsName);
    ip('-n', node, 'link', 'set', `veth${index}`, 'master', 'br0', 'up');
    ip('-n', netnsName, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', netnsName, 'link', 'set', 'eth0', 'up');
    ip('-n', netnsName, 'route', 'add', 'default', 'via', '10.9.0.1');
    if (enrolled) {
      execFileSync('ip', ['netns', 'exec', netnsName, 'nft', '-f', '-'], { input: CAPTURE });
      ip('-n', netnsName, 'rule', 'add', 'fwmark', '0x111/0xfff', 'pref', '32764', 'lookup', '100');
      ip('-n', netnsName, 'route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo', 'table', '100');
    }
    const netns = openNamespace(`/run/netns/${netnsName}`);
    this.#fds.push(netns);
    return { name, namespace, serviceAccount, uid: `uid-${netnsName}`, address, netns, netnsName };
  }

  /** Runs an application in a pod. */
  async listen(pod: TestPod, port: number, onConnection: (socket: net.Socket) => void): Promise<net.Server> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      onConnection(socket);
    });
    server.listen({ fd: listenTcp(pod.netns, '0.0.0.0', port) });
    await once(server, 'listening');
    this.#servers.push(server);
    return server;
  }

  /** A connection that an application of the pod opens. */
  connect(pod: TestPod, address: string, port: number): net.Socket {
    const fd = createStreamSocket(pod.netns, { family: 4 });
    const socket = new net.Socket({ fd, allowHalfOpen: true });
    socket.on('error', () => {});
    return socket.connect(port, address);
  }

  /** Sends `message`, ends, and reads until the other side ends; `error` is the code of a reset. */
  async ask(pod: TestPod, address: string, port: number, message: string): Promise<{ text: string; error?: string }> {
    const socket = this.connect(pod, address, port);
    let error: string | undefined;
    let text = '';
    socket.on('error', (problem: NodeJS.ErrnoException) => (error = problem.code));
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('end', () => socket.end());
    socket.end(message);
    await new Promise((resolve) => socket.once('close', resolve));
    return { text, error };
  }

  /** Captures every packet that crosses the node, until stopped. */
  async capture(): Promise<{ stop: () => Promise<Buffer> }> {
    const args = [
      'netns',
      'exec',
      `${this.#prefix}-node`,
      'tcpdump',
      '-i',
      'any',
      '--immediate-mode',
      '-U',
      '-s0',
      '-w',
      '-',
      'tcp',
    ];
    const tcpdump: ChildProcess = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    tcpdump.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise<void>((resolve) =>
      tcpdump.stderr!.on('data', (chunk: Buffer) => {
        if (chunk.includes('listening on')) resolve();
      }),
    );
    return {
      stop: async () => {
        tcpdump.kill('SIGINT');
        await once(tcpdump, 'close');
        return Buffer.concat(chunks);
      },
    };
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const fd of this.#fds) closeFd(fd);
    for (const name of this.#names.reverse()) ip('netns', 'del', name);
  }
}
