import { spawn } from 'node:child_process';
import { BRIDGE, NODE_ADDRESS } from '../node/addresses';

/** The network namespace of a pod, as a file that `setns` takes. */
export const netnsPath = (uid: string): string => `/run/netns/${uid}`;

let nextLink = 1;

/**
 * Makes the network namespace of a pod: one interface with a /32 address, everything routed through the node, so that
 * every packet passes the node's network stack, which undoes service address translation. The link into the bridge is
 * isolated and IPv6 is off: there is no way to another pod around the node.
 */
export async function createSandbox(uid: string, ip: string): Promise<string> {
  const link = `v${nextLink++}`;
  const netns = netnsPath(uid);
  await shell(`ip -batch - <<'END'
netns add ${uid}
link add ${link} type veth peer name eth0 netns ${uid}
link set ${link} master ${BRIDGE} up
link set ${link} type bridge_slave isolated on
END
exec nsenter --net=${netns} sh -e <<'END'
cd /proc/sys/net
# Low ports without a capability, as container runtimes do; bbr cuts veth throughput to a third.
echo 0 >ipv4/ip_unprivileged_port_start
{ echo cubic >ipv4/tcp_congestion_control; } 2>/dev/null || { echo reno >ipv4/tcp_congestion_control; } 2>/dev/null || :
[ ! -e ipv6/conf/eth0/disable_ipv6 ] || echo 1 >ipv6/conf/eth0/disable_ipv6
ip -batch - <<'BATCH'
link set lo up
addr add ${ip}/32 dev eth0
link set eth0 up
route add ${NODE_ADDRESS} dev eth0 scope link
route add default via ${NODE_ADDRESS} dev eth0
BATCH
END
`);
  return netns;
}

/** Takes the namespace's name away; it ends with its last process and socket, its link into the bridge with it. */
export function removeSandbox(uid: string): Promise<void> {
  return shell(`[ ! -e ${netnsPath(uid)} ] || ip netns del ${uid}`);
}

/** Runs a shell script and rejects with what it wrote to standard error. */
export function shell(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-e'], { stdio: ['pipe', 'ignore', 'pipe'], cwd: '/' });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(complaint.trim() || `exit code ${code}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(script);
  });
}
