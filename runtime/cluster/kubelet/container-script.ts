import { quoteWord } from './command-line';

/** A bind mount of a container. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly kind: 'folder' | 'file';
  readonly readOnly: boolean;
  /** The source is a folder of the machine, below which others may mount. */
  readonly foreign: boolean;
  /** Mounts made below the source later appear in the container. */
  readonly follow: boolean;
}

/** Everything about a container's process that is decided before it starts. */
export interface ContainerPlan {
  /** Folder of the pod's cgroup; undefined where there are none. */
  readonly cgroup: string | undefined;
  readonly hostname: string;
  /** Paths that the container must not see; an empty folder is put over each. */
  readonly hidden: readonly string[];
  /** Folder with the devices of a container. */
  readonly devices: string;
  readonly programs: string;
  readonly mounts: readonly Mount[];
  /** Folders of the host in which a mount target is missing; they become writable copies in memory. */
  readonly overlays: readonly string[];
  readonly workingDir: string;
  /** User and group id; undefined keeps the only id there is. */
  readonly uid: number | undefined;
  /** Without prefix, lower case: `net_admin`. */
  readonly capabilities: readonly string[];
  readonly argv: readonly string[];
}

/** An empty tmpfs is mounted here while a container's /run is put together. */
const STAGE = '/run/ambient/stage';

const underRun = (target: string): string | undefined => /^(?:\/var)?\/run\/(.+)$/.exec(target)?.[1];

/**
 * The shell script, read from standard input, that turns the supervisor's view of the machine into the container's, then becomes its program. It
 * runs as root of a new mount and pid namespace; its process id, seen from outside, is the first line on descriptor 3,
 * `STARTED` the second.
 */
export function containerScript(plan: ContainerPlan): string {
  const newRoot = plan.overlays.includes('/');
  const lines = [
    'set -e',
    // Still the supervisor's /proc: the id that the supervisor can signal.
    'read -r pid rest </proc/self/stat; echo "$pid" >&3',
  ];
  if (plan.cgroup !== undefined) lines.push(`echo 0 >${quoteWord(`${plan.cgroup}/cgroup.procs`)}`);
  if (newRoot) lines.push(...ownRoot);
  const inRun = plan.mounts.flatMap((mount) => {
    const below = underRun(mount.target);
    return below === undefined ? [] : [{ ...mount, target: `${STAGE}/${below}` }];
  });
  const elsewhere = plan.mounts.filter(({ target }) => underRun(target) === undefined);
  const name = quoteWord(plan.hostname);
  const folders = [`${STAGE}/ambient`, `${STAGE}/lock`, ...inRun.map(folderOf)];
  lines.push(
    // In a user namespace only the system call may, not the file; the name is not worth a failure.
    `{ echo ${name} >/proc/sys/kernel/hostname; } 2>/dev/null || hostname ${name} 2>/dev/null || :`,
    `mount -n -t tmpfs -o mode=755,nosuid,nodev tmpfs ${STAGE}`,
    `mkdir -p ${[...new Set(folders)].map(quoteWord).join(' ')}`,
    `mount -n --rbind ${quoteWord(plan.programs)} ${STAGE}/ambient`,
    ...inRun.flatMap((mount) => [...touch(mount), ...bind(mount)]),
  );
  if (!inRun.some(({ source }) => source === '/run/netns')) lines.push('umount -n -l /run/netns');
  plan.overlays
    .filter((folder) => folder !== '/')
    .forEach((folder, index) => {
      const at = `${STAGE}/overlay${index}`;
      lines.push(
        `mkdir -p ${at}/upper ${at}/work`,
        `mount -n -t overlay -o lowerdir=${quoteWord(folder)},upperdir=${at}/upper,workdir=${at}/work overlay ${quoteWord(folder)}`,
      );
    });
  for (const mount of elsewhere) {
    const target = quoteWord(mount.target);
    lines.push(`[ -e ${target} ] || { mkdir -p ${quoteWord(folderOf(mount))}; ${touch(mount)[0] ?? ':'}; }`);
    lines.push(...bind(mount));
  }
  lines.push(
    `mount -n --rbind ${quoteWord(plan.devices)} /dev`,
    `mount -n --move ${STAGE} /run`,
    'mount -n -t proc -o nosuid,nodev,noexec proc /proc',
    ...plan.hidden.map((folder) => `mount -n -t tmpfs -o ro,mode=000 tmpfs ${quoteWord(folder)}`),
    ...['/tmp', '/var/tmp'].map(
      (folder) => `[ ! -d ${folder} ] || mount -n -t tmpfs -o mode=1777,nosuid,nodev tmpfs ${folder}`,
    ),
    'mount -n -o remount,bind,ro /',
    // The machine's own root file system is one mount below.
    ...(newRoot
      ? [
          'for entry in usr etc home root opt srv; do [ -L "/$entry" ] || [ ! -d "/$entry" ] || mount -n -o remount,bind,ro "/$entry"; done',
        ]
      : []),
    `cd ${quoteWord(plan.workingDir)}`,
    // Whoever started the script knows by this that only the program is left to start.
    `echo ${STARTED} >&3; exec 3>&-`,
    `exec ${['setpriv', ...privileges(plan), ...plan.argv].map(quoteWord).join(' ')} </dev/null`,
  );
  if (newRoot) lines.push(END);
  return lines.join('\n');
}

/** Second line on descriptor 3: the container's namespaces are complete. */
export const STARTED = 'started';

const END = 'END-OF-CONTAINER-SCRIPT';

/**
 * A root of the container's own, in memory, that shows the machine's top folders: for mount paths below a top folder
 * that the machine does not have. The rest of the script runs in it.
 */
const ownRoot = [
  'mount -n -t tmpfs -o mode=755,nodev tmpfs /run/ambient/root',
  'for entry in /*; do',
  '  if [ -L "$entry" ]; then cp -P "$entry" "/run/ambient/root$entry"',
  '  elif [ -d "$entry" ]; then mkdir "/run/ambient/root$entry"; mount -n --rbind "$entry" "/run/ambient/root$entry"; fi',
  'done',
  'cd /run/ambient/root',
  'mount -n --move . /',
  `exec chroot . sh -es <<'${END}'`,
];

/** The folder that must exist for a mount. */
const folderOf = ({ kind, target }: Mount): string =>
  kind === 'folder' ? target : target.slice(0, target.lastIndexOf('/')) || '/';

const touch = ({ kind, target }: Mount): string[] => (kind === 'file' ? [`: >>${quoteWord(target)}`] : []);

function bind({ source, target, readOnly, follow, foreign }: Mount): string[] {
  const [from, to] = [quoteWord(source), quoteWord(target)];
  const lines = [readOnly ? `mount -n -o bind,ro ${from} ${to}` : `mount -n --rbind ${from} ${to}`];
  if (foreign && !follow) lines.push(`mount -n --make-rprivate ${to}`);
  return lines;
}

function privileges({ uid, capabilities }: ContainerPlan): string[] {
  const set = ['-all', ...capabilities.map((capability) => `+${capability}`)].join(',');
  const identity = uid === undefined ? [] : ['--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
  // A user other than root keeps capabilities over exec only as ambient ones.
  const ambient = uid === undefined || uid === 0 ? '-all' : set;
  return [...identity, '--no-new-privs', '--bounding-set', set, '--inh-caps', ambient, '--ambient-caps', ambient, '--'];
}
