/** Exit codes of the `ambient` command: 0 good, 1 findings or refused, 2 usage, 3 environment. */
export type ExitCode = 1 | 2 | 3;

type Detail = Readonly<Record<string, string | number>>;

interface Entry {
  readonly exit: ExitCode;
  readonly text: (detail: Detail) => { readonly message: string; readonly remedy: string };
}

/** The one catalogue of errors that a user may meet: each names the thing, the value and what to do next. */
const catalogue = {
  AMB_ERR_NOT_LINUX: {
    exit: 3,
    text: ({ platform }) => ({
      message: `The embedded engine needs Linux; this is ${platform}.`,
      remedy: 'Start it in a container (ambient up --engine container), on a Linux machine, or in WSL 2.',
    }),
  },
  AMB_ERR_NO_NAMESPACES: {
    exit: 3,
    text: ({ reason }) => ({
      message: `Neither root nor a user namespace is available: ${reason}.`,
      remedy:
        'Run as root, or allow user namespaces: sudo sysctl -w user.max_user_namespaces=15000 (Ubuntu 24.04: also kernel.apparmor_restrict_unprivileged_userns=0).',
    }),
  },
  AMB_ERR_TOOL_MISSING: {
    exit: 3,
    text: ({ tool, packageName }) => ({
      message: `The program ${tool} was not found.`,
      remedy: `Install ${packageName} with your package manager, on Debian and Ubuntu: sudo apt-get install ${packageName}`,
    }),
  },
  AMB_ERR_NO_BPF_OBJECTS: {
    exit: 3,
    text: ({ path }) => ({
      message: `There are no eBPF objects in ${path}.`,
      remedy: 'Install clang and libbpf-dev and build again (npm run build), or use --redirect nftables.',
    }),
  },
  AMB_ERR_EBPF_UNAVAILABLE: {
    exit: 3,
    text: ({ reason }) => ({
      message: `eBPF redirection cannot be used here: ${reason}.`,
      remedy: 'Use --redirect nftables, or --redirect auto to let the mesh choose.',
    }),
  },
  AMB_ERR_PORT_TAKEN: {
    exit: 3,
    text: ({ port }) => ({
      message: `Port ${port} on 127.0.0.1 is taken by another process.`,
      remedy: 'Free the port, or choose another with --port (0 picks a free one).',
    }),
  },
  AMB_ERR_ALREADY_RUNNING: {
    exit: 1,
    text: ({ pid, state }) => ({
      message: `A mesh is already running from ${state} (pid ${pid}).`,
      remedy: 'Use it (ambient status), stop it (ambient down), or give the second one its own --state folder.',
    }),
  },
  AMB_ERR_CONTAINER_RUNNING: {
    exit: 1,
    text: ({ name, state }) => ({
      message: `A mesh is already running from ${state} (container ${name}).`,
      remedy: 'Use it (ambient status), stop it (ambient down), or give the second one its own --state folder.',
    }),
  },
  AMB_ERR_CONTAINER_TAKEN: {
    exit: 1,
    text: ({ name }) => ({
      message: `Docker has a container ${name} that this command did not make.`,
      remedy: `Remove it (docker rm -f ${name}), or use another --state folder.`,
    }),
  },
  AMB_ERR_CONTAINER_FAILED: {
    exit: 3,
    text: ({ what, reason }) => ({
      message: `The mesh's container could not ${what}: ${reason}.`,
      remedy: 'See docker ps -a and docker logs. Privileged containers must be allowed.',
    }),
  },
  AMB_ERR_DOCKER_REMOTE: {
    exit: 3,
    text: ({ host }) => ({
      message: `Docker at ${host} runs on another machine, whose ports are not on this one's loopback.`,
      remedy: 'Use a Docker on this machine (unset DOCKER_HOST, docker context use default), or the kind engine there.',
    }),
  },
  AMB_ERR_OTHER_ENGINE: {
    exit: 1,
    text: ({ running, wanted, state }) => ({
      message: `A mesh is already running from ${state}, on the ${running} engine instead of ${wanted}.`,
      remedy: 'Stop it (ambient down), or give the second one its own --state folder.',
    }),
  },
  AMB_ERR_NO_DOCKER: {
    exit: 3,
    text: ({ reason }) => ({
      message: `Docker does not answer: ${reason}.`,
      remedy:
        'Start Docker, or say where it is with DOCKER_HOST or docker context use; ambient up --engine embedded needs none.',
    }),
  },
  AMB_ERR_DOCKER_MEMORY: {
    exit: 3,
    text: ({ mib, least }) => ({
      message: `Docker's machine has ${mib} MiB of memory; a cluster with a mesh needs ${least}.`,
      remedy: "Give it more in Docker's settings, or use the embedded engine.",
    }),
  },
  AMB_ERR_INOTIFY: {
    exit: 3,
    text: ({ limit, value, least, recommended }) => ({
      message: `This machine allows a user ${value} by ${limit}; the nodes need ${least}.`,
      remedy: `Raise it: sudo sysctl -w ${limit}=${recommended}`,
    }),
  },
  AMB_ERR_KIND_MISSING: {
    exit: 3,
    text: ({ folder }) => ({
      message: `The program kind was found neither on the PATH nor in ${folder}.`,
      remedy:
        'Have it installed there: ambient up --engine kind --install-kind. Or install it yourself: https://kind.sigs.k8s.io',
    }),
  },
  AMB_ERR_KIND_INSTALL: {
    exit: 3,
    text: ({ url, reason }) => ({
      message: `kind was not installed: ${reason}.`,
      remedy: `Put the program ${url} on the PATH as kind, or name a mirror of kind's releases by AMBIENT_KIND_DOWNLOADS.`,
    }),
  },
  AMB_ERR_KIND_FAILED: {
    exit: 3,
    text: ({ command, reason }) => ({
      message: `kind ${command} failed: ${reason}.`,
      remedy: 'The whole output is in ambient logs; docker ps -a shows the nodes.',
    }),
  },
  AMB_ERR_KIND_CLUSTER_EXISTS: {
    exit: 1,
    text: ({ cluster }) => ({
      message: `There is a kind cluster ${cluster} already, and it was not made from this state folder.`,
      remedy: `Use it with --adopt (ambient down then leaves it), delete it (kind delete cluster --name ${cluster}), or choose another name with --cluster.`,
    }),
  },
  AMB_ERR_KIND_NO_CLUSTER: {
    exit: 1,
    text: ({ cluster }) => ({
      message: `There is no kind cluster ${cluster} to adopt.`,
      remedy: 'See kind get clusters, and name one with --cluster; without --adopt it is made.',
    }),
  },
  AMB_ERR_MESH_PRESENT: {
    exit: 1,
    text: ({ namespace }) => ({
      message: `The cluster runs another istiod in the namespace ${namespace}.`,
      remedy: 'Remove that Istio first, or let ambient make a cluster of its own: leave out --adopt and --cluster.',
    }),
  },
  AMB_ERR_IMAGE_BUILD: {
    exit: 3,
    text: ({ reason }) => ({
      message: `The runtime's image could not be built: ${reason}.`,
      remedy:
        'The whole output is in ambient logs; where no registry is reached, AMBIENT_BASE_IMAGE may name a local image with Node 24, nftables, iproute2 and libbpf1.',
    }),
  },
  AMB_ERR_KUBECONFIG: {
    exit: 2,
    text: ({ file, reason }) => ({
      message: `The kubeconfig ${file} cannot be read: ${reason}.`,
      remedy: 'Name a file that can, with --kubeconfig or KUBECONFIG.',
    }),
  },
  AMB_ERR_CONTEXT_UNKNOWN: {
    exit: 2,
    text: ({ context, known }) => ({
      message: context
        ? `There is no context ${context} with a cluster in the kubeconfig.`
        : 'There is no kubeconfig with a current context and its cluster.',
      remedy: `Name one with --context, or another file with --kubeconfig. There are: ${known || 'none'}.`,
    }),
  },
  AMB_ERR_PERMISSIONS: {
    exit: 1,
    text: ({ context, missing }) => ({
      message: `The user of context ${context} may not: ${missing}.`,
      remedy: 'Ask for a role with these rights in the whole cluster (ClusterRole view has most of them).',
    }),
  },
  AMB_ERR_ISTIO_MISSING: {
    exit: 3,
    text: ({ context }) => ({
      message: `No istiod runs in the cluster of context ${context}.`,
      remedy:
        'See what an installation would run: ambient up --engine istio --install --dry-run; or choose another context with --context.',
    }),
  },
  AMB_ERR_ISTIO_OLD: {
    exit: 3,
    text: ({ version, least }) => ({
      message: `The cluster runs Istio ${version}; attaching needs ${least} or later.`,
      remedy:
        'Upgrade Istio (https://istio.io/latest/docs/ambient/upgrade/), or choose another context with --context.',
    }),
  },
  AMB_ERR_ISTIO_NOT_AMBIENT: {
    exit: 3,
    text: ({ context, namespace }) => ({
      message: `istiod runs in ${namespace} of context ${context}, but no ztunnel: ambient mode is not installed.`,
      remedy:
        'Add the ambient profile (istioctl install --set profile=ambient, or the charts cni and ztunnel): ambient up --engine istio --install --dry-run shows how.',
    }),
  },
  AMB_ERR_INSTALLER_MISSING: {
    exit: 3,
    text: () => ({
      message: 'Neither istioctl nor helm was found, which an installation of Istio needs.',
      remedy:
        'Install one of them (https://istio.io/latest/docs/ambient/install/, https://helm.sh) and have it on the PATH.',
    }),
  },
  AMB_ERR_INSTALL_FAILED: {
    exit: 3,
    text: ({ command, reason }) => ({
      message: `${command} failed: ${reason}.`,
      remedy:
        'Nothing is undone by itself; correct the cause and run it again, or remove Istio with istioctl uninstall.',
    }),
  },
  AMB_ERR_PRODUCTION: {
    exit: 1,
    text: ({ context, signs, what }) => ({
      message: `Context ${context} looks like production: ${signs}. Nothing was changed.`,
      remedy: `To ${what} nevertheless, repeat the command with --yes.`,
    }),
  },
  AMB_ERR_NOT_RUNNING: {
    exit: 1,
    text: ({ state }) => ({
      message: `No mesh is running from ${state}.`,
      remedy: 'Start one with: ambient up',
    }),
  },
  AMB_ERR_START_FAILED: {
    exit: 3,
    text: ({ stage, reason, log }) => ({
      message: `The mesh did not start: ${stage}: ${reason}.`,
      remedy: `Look into ${log}, or run ambient up again with --verbose.`,
    }),
  },
  AMB_ERR_START_TIMEOUT: {
    exit: 3,
    text: ({ seconds, waiting, log }) => ({
      message: `The mesh was not ready after ${seconds} s; still waiting for ${waiting}.`,
      remedy: `Look into ${log}.`,
    }),
  },
  AMB_ERR_API: {
    exit: 1,
    text: ({ status, reason, what }) => ({
      message: `The Kubernetes API refused ${what}: ${reason} (${status}).`,
      remedy: 'Correct the request; ambient status shows whether the mesh is healthy.',
    }),
  },
  AMB_ERR_POD_PORT: {
    exit: 1,
    text: ({ port, pod, reason }) => ({
      message: `Port ${port} of pod ${pod} does not answer: ${reason}.`,
      remedy: 'See whether the pod is ready, and its log: kubectl describe pod, kubectl logs.',
    }),
  },
  AMB_ERR_API_UNREACHABLE: {
    exit: 3,
    text: ({ server, reason }) => ({
      message: `The Kubernetes API at ${server} does not answer: ${reason}.`,
      remedy: 'Start the mesh with ambient up, or check the kubeconfig and its current context.',
    }),
  },
  AMB_ERR_NAMESPACE_UNKNOWN: {
    exit: 1,
    text: ({ namespace, known }) => ({
      message: `There is no namespace ${namespace}.`,
      remedy: `Create it (kubectl create namespace ${namespace}), or name one of: ${known}.`,
    }),
  },
  AMB_ERR_WAYPOINT_UNKNOWN: {
    exit: 1,
    text: ({ namespace, name }) => ({
      message: `There is no waypoint ${name} in namespace ${namespace}.`,
      remedy: `Deploy it with: ambient waypoint apply -n ${namespace} --name ${name}`,
    }),
  },
  AMB_ERR_WAYPOINT_NOT_READY: {
    exit: 1,
    text: ({ namespace, name, seconds, reason }) => ({
      message: `Waypoint ${namespace}/${name} was not ready after ${seconds} s: ${reason}.`,
      remedy: `See ambient waypoint status -n ${namespace}, and kubectl -n ${namespace} describe gateway ${name}.`,
    }),
  },
  AMB_ERR_USAGE: {
    exit: 2,
    text: ({ problem, remedy }) => ({ message: String(problem), remedy: String(remedy) }),
  },
  AMB_ERR_TIMEOUT: {
    exit: 3,
    text: ({ what, seconds }) => ({
      message: `${what} did not happen within ${seconds} s.`,
      remedy: 'See ambient status and ambient logs.',
    }),
  },
} satisfies Record<string, Entry>;

export type MeshErrorCode = keyof typeof catalogue;

/** An error with a code from the catalogue; `message` and `remedy` are for people, `code` for programs. */
export class MeshError extends Error {
  readonly remedy: string;
  readonly exit: ExitCode;

  constructor(
    readonly code: MeshErrorCode,
    readonly detail: Detail = {},
    options?: ErrorOptions,
  ) {
    const entry: Entry = catalogue[code];
    const { message, remedy } = entry.text(detail);
    super(message, options);
    this.name = 'MeshError';
    this.remedy = remedy;
    this.exit = entry.exit;
  }

  static is(error: unknown, ...codes: MeshErrorCode[]): error is MeshError {
    return error instanceof MeshError && (codes.length === 0 || codes.includes(error.code));
  }
}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
