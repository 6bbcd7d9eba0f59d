import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export interface TestPod {
  readonly name: string;
  /** Path of the network namespace. */
  readonly netns: string;
  readonly ip: string;
  readonly ip6: string;
}

export interface TestNetwork {
  readonly id: string;
  /** The node's namespace, with a bridge that routes between the pods. */
  readonly node: string;
  readonly nodeIp: string;
  readonly pods: Readonly<Record<string, TestPod>>;
  remove(): void;
}

/**
 * A node's namespace with a bridge, and one namespace a pod, wired as the embedded cluster does it: every packet between
 * pods passes the node's network stack. Names are unique, so that several networks live side by side.
 */
export function makeNetwork(names: readonly string[]): TestNetwork {
  const id = `amb${randomBytes(3).toString('hex')}`;
  const node = `${id}-node`;
  const commands = [
    `netns add ${node}`,
    `-n ${node} link set lo up`,
    `-n ${node} link add br0 type bridge`,
    `-n ${node} address add 10.244.0.1/24 dev br0`,
    `-n ${node} address add 169.254.7.127/32 dev br0`,
    `-n ${node} address add fd00:244::1/64 dev br0 nodad`,
    `-n ${node} link set br0 up`,
  ];
  const pods: Record<string, TestPod> = {};
  names.forEach((name, index) => {
    const netns = `${id}-${name}`;
    const ip = `10.244.0.${index + 5}`;
    const ip6 = `fd00:244::${index + 5}`;
    commands.push(
      `netns add ${netns}`,
      `-n ${netns} link set lo up`,
      `-n ${node} link add veth${index} type veth peer name eth0 netns ${netns}`,
      `-n ${node} link set veth${index} master br0 up`,
      `-n ${netns} address add ${ip}/24 dev eth0`,
      `-n ${netns} address add ${ip6}/64 dev eth0 nodad`,
      `-n ${netns} link set eth0 up`,
      `-n ${netns} route add default via 10.244.0.1`,
      `-n ${netns} -6 route add default via fd00:244::1`,
    );
    pods[name] = { name, netns: `/var/run/netns/${netns}`, ip, ip6 };
  });
  for (const command of commands) execFileSync('ip', command.split(' '));
  return {
    id,
    node: `/var/run/netns/${node}`,
    nodeIp: '10.244.0.1',
    pods,
    remove() {
      for (const name of [...names.map((pod) => `${id}-${pod}`), node]) execFileSync('ip', ['netns', 'delete', name]);
    },
  };
}
