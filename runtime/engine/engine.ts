import type { Problem } from '../kube/silent-nodes';

export type RedirectMode = 'auto' | 'ebpf' | 'nftables';

export interface MeshStatus {
  readonly engine: string;
  readonly state: 'running' | 'starting' | 'stopped';
  readonly nodes: readonly { readonly name: string; readonly redirect?: string; readonly redirectReason?: string }[];
  readonly components: readonly ComponentStatus[];
  readonly namespaces: readonly { readonly name: string; readonly enrolled: boolean; readonly waypoint?: string }[];
  readonly kubeconfig?: string;
  /** Of an attached cluster: its context, and the version of Istio. */
  readonly context?: string;
  readonly version?: string;
  /** What this way of running cannot isolate, in words; empty when everything is. */
  readonly missingIsolation: readonly string[];
  /** What keeps traffic from flowing, and what to do about it. */
  readonly problems?: readonly Problem[];
}

export interface ComponentStatus {
  /** `supervisor`, `istiod`, `agent`, `ztunnel`, or `<namespace>/<workload>` for waypoints and applications. */
  readonly name: string;
  readonly ready: boolean;
  readonly pid: number;
  /** Proportional set size in MiB, all processes of the component. */
  readonly memoryMiB: number;
}

export interface Progress {
  readonly stage: string;
  readonly message?: string;
}

export interface UpOptions {
  /** State folder. */
  state: string;
  /** Of the Kubernetes API on 127.0.0.1; 0 picks a free one. */
  port: number;
  /** Where the API listens instead of 127.0.0.1: only inside a container, whose network is the mesh's own. */
  listen?: string;
  redirect: RedirectMode;
  /** Number of nodes; undefined is one. */
  nodes?: number;
  /** Name of the cluster, where the engine makes one or takes one over. */
  cluster?: string;
  /** Takes a cluster over that the user made. */
  adopt?: boolean;
  /** Adds the cluster to the user's own kubeconfig too. */
  mergeKubeconfig?: boolean;
  /** False starts the cluster alone, without istiod, agent and ztunnel. */
  system?: boolean;
  /** The cluster that the istio engine attaches to. */
  attach?: AttachOptions;
  /** Ends with the process that started it. */
  foreground?: boolean;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  timeoutMs?: number;
}

export interface AttachOptions {
  /** A kubeconfig; otherwise KUBECONFIG or the user's own. */
  kubeconfig?: string;
  /** Otherwise the current one. */
  context?: string;
}

export interface UpResult {
  readonly kubeconfig: string;
  /** Milliseconds until API, istiod, agent and ztunnel were ready. */
  readonly readyMs: number;
  /** What is worth knowing and stops nothing. */
  readonly notes?: readonly string[];
  /** In the foreground: resolves when the mesh has ended, with its exit code. */
  readonly ended?: Promise<number>;
}

/** Where a mesh runs. Everything above uses only the kubeconfig and the telemetry that it yields. */
export interface Engine {
  readonly name: string;
  /** Whether a mesh that was stopped has its objects at the next start. */
  readonly keepsObjects: boolean;
  /** Undefined when it can run here, else why not, with the remedy. */
  available(): Promise<Problem | undefined>;
  up(options: UpOptions): Promise<UpResult>;
  /** @param options.purge removes the stored objects too; @returns false when none was running */
  down(options: { state: string; purge?: boolean }): Promise<boolean>;
  status(options: { state: string }): Promise<MeshStatus>;
  /** Path of the running mesh's kubeconfig, or undefined when none runs. */
  kubeconfig(options: { state: string }): Promise<string | undefined>;
  /** The log of the engine itself (for the embedded engine the supervisor's), as it grows when following. */
  logs(options: { state: string; follow?: boolean; signal?: AbortSignal }): AsyncIterable<string>;
}
