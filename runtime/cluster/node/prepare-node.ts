import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PROBE_SOURCE } from '../../api/ports';
import type { NodeFolders } from '../kubelet/container-plan';
import { quoteWord } from '../kubelet/command-line';
import { shell } from '../kubelet/sandbox';
import { cgroupName, findCgroup2 } from './cgroup';
import { BRIDGE, NODE_ADDRESS, SERVICE_CIDR } from './addresses';

const OWN = '/run/ambient';
/** The machine's cgroup2 hierarchy, kept aside so that the mesh's folder can be removed at the end. */
const CGROUP_ROOT = `${OWN}/cgroup2`;
const DEVICES = 'null zero full random urandom tty';
/** Host ids of pods begin here where the supervisor is root of the machine. */
const ROOT_FIRST_UID = 100_000;
const MAPPED_FIRST_UID = 10_000;
/**
 * A bridge without an address of its own takes the lowest of its ports', and another one with each pod that comes or
 * goes; pods that remember the former lose their way out for some seconds.
 */
const BRIDGE_MAC = '0a:58:0a:f4:00:01';

/** Whether the supervisor is root of the machine itself and not of a user namespace only. */
export function isMachineRoot(): boolean {
  const [inside, outside, count] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).map(Number);
  return process.getuid!() === 0 && inside === 0 && outside === 0 && count === 2 ** 32 - 1;
}

/** The first of 256 user ids that pods may have; undefined when the user namespace has too few. */
function firstUid(): number | undefined {
  if (isMachineRoot()) return ROOT_FIRST_UID;
  const ranges = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  const wide = ranges.some((range) => {
    const [inside = 0, , count = 0] = range.trim().split(/\s+/).map(Number);
    return inside <= MAPPED_FIRST_UID && inside + count > MAPPED_FIRST_UID + 256;
  });
  return wide ? MAPPED_FIRST_UID : undefined;
}

export interface NodeOptions {
  readonly state: string;
  /** Folder of the bundles; `node_modules` is beside it. */
  readonly dist: string;
}

/**
 * Makes the supervisor's namespaces into a node: private mounts, cgroup, bridge, addresses, kernel settings. Called
 * once, as the first process of new pid, mount and network namespaces.
 *
 * @throws with the complaint of the command that failed
 */
export async function prepareNode({ state, dist }: NodeOptions): Promise<NodeFolders> {
  const root = isMachineRoot();
  const resolvConf = existsSync('/etc/resolv.conf') ? realpathSync('/etc/resolv.conf') : undefined;
  const cgroup = root ? findCgroup2() : undefined;
  const name = cgroupName(state);
  const q = quoteWord;
  const modules = path.join(path.dirname(dist), 'node_modules');
  await shell(`
mount -n -t proc -o nosuid,nodev,noexec proc /proc
mount -n -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
cd /run
mkdir -p netns ztunnel ambient-agent lock ambient/stage ambient/root ambient/bin ambient/pods ambient/dev ambient/cgroup2 \\
  ambient/programs/bin ambient/programs/dist ambient/programs/node_modules
chmod 711 ambient/pods
mount -n --bind netns netns
mount -n --make-shared netns
cd ambient
: >programs/bin/node
mount -n --bind ${q(process.execPath)} programs/bin/node
mount -n --bind ${q(dist)} programs/dist
mount -n -o remount,bind,ro programs/dist
mount -n --bind ${q(modules)} programs/node_modules
mount -n -o remount,bind,ro programs/node_modules
mount -n -t tmpfs -o mode=755,nosuid tmpfs dev
cd dev
# Shared memory is a file in the pod's own /tmp.
ln -s /tmp shm
mkdir pts
for device in ${DEVICES}; do : >$device; mount -n --bind /dev/$device $device; done
ln -s /proc/self/fd fd; ln -s /proc/self/fd/0 stdin; ln -s /proc/self/fd/1 stdout; ln -s /proc/self/fd/2 stderr
${
  cgroup === undefined
    ? ''
    : `mount -n --bind ${cgroup} ${CGROUP_ROOT}
for leftover in ${CGROUP_ROOT}/${name}/*/ ${CGROUP_ROOT}/${name}; do [ ! -d "$leftover" ] || rmdir "$leftover"; done
mkdir ${CGROUP_ROOT}/${name}
mount -n --bind ${CGROUP_ROOT}/${name} /sys/fs/cgroup
mkdir /sys/fs/cgroup/supervisor
echo 0 >/sys/fs/cgroup/supervisor/cgroup.procs
echo $PPID >/sys/fs/cgroup/supervisor/cgroup.procs`
}
${root ? bpfMount : ''}
exec ip -batch - <<'END'
link set lo up
link add ${BRIDGE} address ${BRIDGE_MAC} type bridge
addr add ${NODE_ADDRESS}/24 dev ${BRIDGE}
addr add ${PROBE_SOURCE}/32 dev ${BRIDGE}
link set ${BRIDGE} up
route add ${SERVICE_CIDR} dev ${BRIDGE}
END
`);
  setKernel();
  return {
    cgroup: cgroup === undefined ? undefined : '/sys/fs/cgroup',
    devices: `${OWN}/dev`,
    programs: `${OWN}/programs`,
    pods: `${OWN}/pods`,
    state,
    resolvConf,
    firstUid: firstUid(),
  };
}

/** What this way of running cannot keep apart, in words. */
export function missingIsolation({ cgroup, firstUid: uid, state }: NodeFolders): string[] {
  const missing: string[] = [];
  if (uid === undefined) {
    missing.push(
      `pods share one user id, and with it your files outside ${state}; run as root, or give your user a range in /etc/subuid`,
    );
  }
  if (cgroup === undefined)
    missing.push('pods have no cgroup of their own, so traffic is captured by nftables, not eBPF');
  return missing;
}

const bpfMount = '[ ! -d /sys/fs/bpf ] || mount -n -t bpf -o mode=700 bpf /sys/fs/bpf';

/** Settings of the node's own network namespace. */
function setKernel(): void {
  const settings: Readonly<Record<string, string>> = {
    'ipv4/ip_forward': '1',
    'ipv4/conf/all/send_redirects': '0',
    [`ipv4/conf/${BRIDGE}/send_redirects`]: '0',
    'ipv4/conf/all/rp_filter': '0',
    'ipv4/conf/default/rp_filter': '0',
    [`ipv4/conf/${BRIDGE}/rp_filter`]: '0',
    'ipv4/ip_unprivileged_port_start': '0',
    'ipv6/conf/all/disable_ipv6': '1',
    'bridge/bridge-nf-call-iptables': '0',
  };
  for (const [name, value] of Object.entries(settings)) {
    const file = `/proc/sys/net/${name}`;
    if (existsSync(file)) writeFileSync(file, value);
  }
}

/** Removes the mesh's cgroup folder; the caller moves its own process out first by ending. */
export async function removeCgroups(state: string): Promise<void> {
  const folder = `${CGROUP_ROOT}/${cgroupName(state)}`;
  if (!existsSync(folder)) return;
  await shell(`echo 1 >${CGROUP_ROOT}/cgroup.procs
echo $$ >${CGROUP_ROOT}/cgroup.procs
for folder in ${folder}/*/ ${folder}; do rmdir "$folder"; done`);
}
