import { existsSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { REDIRECTION } from '../api/labels';
import { KIND } from '../api/kinds';
import type { Pod } from '../api/resources';
import { reasonOf } from '../errors';
import { ApiError, type KubeClient } from '../kube/client';
import { log } from '../telemetry/log';
import { hasEnded, isZtunnel } from './enrollment-rule';
import type { HostProbes } from './host-probes';
import type { OlderConnections } from './older-connections';
import { CaptureRemains } from './capture-remains';
import type { PodCapture } from './pod-capture';
import { findNamespace, namespaceOfProcess } from './pod-place';
import type { ZdsServer } from './zds-server';

const logger = log('enroll');
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5_000;

/** No namespace has it. */
const GONE = -1n;

/** Where a pod that is about to start will be. */
export interface PodPlace {
  readonly netns: string;
  readonly addresses: readonly string[];
}

interface Member {
  pod: Pod;
  wanted: boolean;
  gone: boolean;
  /** Namespace's path and identity when it was captured; a pod's sandbox may be made anew. */
  netns: string | undefined;
  inode: bigint | undefined;
  /** What the network plugin named: the namespace's path, and the pod's addresses. */
  told: string | undefined;
  addresses: readonly string[];
  captured: boolean;
  /** Another mechanism captured it, for which ztunnel's listeners were opened. */
  foreign: boolean;
  busy: boolean;
  again: boolean;
  retryMs: number;
  timer: NodeJS.Timeout | undefined;
  problem: string;
  readonly waiting: Set<() => void>;
}

export interface EnrollerOptions {
  readonly client: KubeClient;
  readonly capture: PodCapture;
  readonly zds: ZdsServer;
  readonly older: OlderConnections;
  /** The node's rules for probes; undefined where none are needed. */
  readonly probes?: HostProbes;
  /** Reports each change of a pod's membership. */
  readonly onOutcome: (outcome: 'enrolled' | 'unenrolled' | 'failed') => void;
}

/**
 * Brings each pod of the node to what is wanted of it, one step after another: ztunnel listens, capture, annotation; and
 * backwards. What fails is tried again with back-off (docs/architecture.md, Enrolment).
 */
export class Enroller {
  readonly #members = new Map<string, Member>();
  readonly #remains: CaptureRemains;
  #closed = false;
  /** The mesh is being removed: nobody is wanted any more, whatever labels say. */
  #leaving = false;

  constructor(private readonly options: EnrollerOptions) {
    this.#remains = new CaptureRemains(options.capture);
  }

  /** Number of pods that are captured now. */
  get captured(): number {
    return [...this.#members.values()].filter(({ captured }) => captured).length;
  }

  /**
   * Takes over what an earlier agent left, before ztunnel asks: ztunnel must hear of captured pods even when they are to
   * leave the mesh, so that they leave it in the right order.
   */
  async adopt(pod: Pod, wanted: boolean): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const netns = findNamespace(uid);
    // A ztunnel has pins as well, and is no member: releasing them would take its view of captured connections away.
    if (netns === undefined || hasEnded(pod) || isZtunnel(pod)) return;
    // Asking costs two processes under nftables; a pod that nobody annotated was not captured for long.
    const traces =
      pod.metadata.annotations?.[REDIRECTION] !== undefined || this.options.capture.leftovers().includes(uid);
    const captured = traces && (await this.options.capture.isCaptured(uid, netns));
    if (!wanted && !traces) return;
    const member = this.#member(pod);
    Object.assign(member, { netns, inode: inodeOf(netns), captured, wanted, foreign: !captured });
    if (traces) this.options.zds.remember(zdsWorkload(pod, netns));
  }

  /** Says what is wanted of a pod; the work is done in the background. */
  want(pod: Pod, isWanted: boolean): void {
    const wanted = isWanted && !this.#leaving;
    const uid = pod.metadata.uid ?? '';
    if (!this.#members.has(uid) && !wanted && pod.metadata.annotations?.[REDIRECTION] === undefined) return;
    const member = this.#member(pod);
    member.pod = pod;
    member.wanted = wanted;
    member.gone = false;
    this.#go(member);
  }

  /** A pod is gone, with its network. */
  forget(uid: string): void {
    const member = this.#members.get(uid);
    if (member === undefined) return;
    member.gone = true;
    member.wanted = false;
    this.#go(member);
  }

  /**
   * Captures a pod before its first container starts.
   *
   * @param place path of its namespace and its addresses, as the network plugin knows them
   * @throws Error with what it still waits for, after `timeoutMs`
   */
  async captureNow(pod: Pod, { netns, addresses }: PodPlace, timeoutMs: number): Promise<void> {
    if (this.#leaving) return;
    const member = this.#member(pod);
    // A sandbox made anew: its namespace may have the inode of the one before, since the kernel gives numbers out again.
    if (member.netns !== undefined && member.netns !== netns) member.inode = GONE;
    Object.assign(member, { pod, wanted: true, told: netns, addresses });
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        member.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(() => {
        member.waiting.delete(done);
        reject(new Error(member.problem === '' ? 'ztunnel has not acknowledged yet' : member.problem));
      }, timeoutMs);
      member.waiting.add(done);
      this.#go(member);
    });
  }

  /** Tries again at once what waits for its next attempt: something has changed for the better. */
  retryNow(): void {
    for (const member of this.#members.values()) if (member.timer !== undefined) this.#go(member);
  }

  /** Lets every pod go, as if each had left the mesh; after `timeoutMs` without the API's help. */
  async releaseAll(timeoutMs: number): Promise<void> {
    this.#leaving = true;
    const left = [...this.#members.values()].map(
      (member) =>
        new Promise<void>((resolve) => {
          member.waiting.add(resolve);
          member.wanted = false;
          this.#go(member);
        }),
    );
    const late = new AbortController();
    await Promise.race([Promise.all(left), delay(timeoutMs, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    for (const [uid, { netns }] of this.#members) await this.options.capture.release(uid, netns);
  }

  /** Stops working; capture stays as it is. */
  close(): void {
    this.#closed = true;
    this.#remains.close();
    for (const member of this.#members.values()) clearTimeout(member.timer);
  }

  #member(pod: Pod): Member {
    const uid = pod.metadata.uid ?? '';
    let member = this.#members.get(uid);
    if (member === undefined) {
      member = {
        pod,
        wanted: false,
        gone: false,
        netns: undefined,
        inode: undefined,
        told: undefined,
        addresses: [],
        captured: false,
        foreign: false,
        busy: false,
        again: false,
        retryMs: FIRST_RETRY_MS,
        timer: undefined,
        problem: '',
        waiting: new Set(),
      };
      this.#members.set(uid, member);
    }
    return member;
  }

  #go(member: Member): void {
    clearTimeout(member.timer);
    member.timer = undefined;
    member.again = true;
    if (!member.busy && !this.#closed) void this.#work(member);
  }

  async #work(member: Member): Promise<void> {
    member.busy = true;
    while (member.again && !this.#closed) {
      member.again = false;
      try {
        await (member.wanted ? this.#enroll(member) : this.#leave(member));
        member.retryMs = FIRST_RETRY_MS;
        member.problem = '';
      } catch (error) {
        this.#failed(member, error);
      }
    }
    member.busy = false;
  }

  #failed(member: Member, error: unknown): void {
    // A pod that is gone from the API is forgotten as soon as the watch says so.
    if (ApiError.is(error, 404) || this.#closed) return;
    const problem = reasonOf(error);
    const pod = `${member.pod.metadata.namespace}/${member.pod.metadata.name}`;
    // The same thing at every attempt is worth one line.
    const level = problem === member.problem ? 'debug' : 'warn';
    logger[level](member.wanted ? 'not yet enrolled' : 'not yet unenrolled', { pod, error: problem });
    member.problem = problem;
    this.options.onOutcome('failed');
    member.timer = setTimeout(() => this.#go(member), member.retryMs);
    member.retryMs = Math.min(member.retryMs * 2, LAST_RETRY_MS);
  }

  async #enroll(member: Member): Promise<void> {
    const { capture, zds, older } = this.options;
    const uid = member.pod.metadata.uid ?? '';
    // A namespace that has a name may still be in the making, unless somebody said that it is there.
    const isMade = member.told !== undefined || member.pod.status?.phase === 'Running';
    const netns = isMade ? findNamespace(uid, member.told) : namespaceOfProcess(uid);
    if (netns === undefined) {
      // A pod that has not been started yet comes again by the network plugin, or when its status says Running.
      if (member.pod.status?.phase !== 'Running') return;
      throw new Error('its network namespace was not found');
    }
    const inode = inodeOf(netns);
    if (member.inode !== undefined && member.inode !== inode) {
      member.captured = false;
      await capture.release(uid, undefined);
    }
    await this.options.probes?.add(member.pod, member.addresses);
    if (member.captured) return this.#arrived(member);
    member.netns = netns;
    member.inode = inode;
    await this.#remains.keep(netns);
    // eBPF finds only listeners that were opened after ztunnel was prepared for it: they are opened anew.
    if (member.foreign) await zds.remove(uid);
    await zds.add(zdsWorkload(member.pod, netns));
    member.foreign = false;
    try {
      older.note(member.pod, netns);
      await capture.capture(uid, netns);
    } catch (error) {
      await this.#annotate(member, 'pending');
      throw error;
    }
    member.captured = true;
    this.options.onOutcome('enrolled');
    await this.#arrived(member);
  }

  async #arrived(member: Member): Promise<void> {
    for (const done of member.waiting) done();
    await this.#annotate(member, 'enabled');
  }

  async #leave(member: Member): Promise<void> {
    const { capture, zds, older } = this.options;
    const uid = member.pod.metadata.uid ?? '';
    if (!member.gone) await this.#annotate(member, undefined);
    await capture.release(uid, member.netns !== undefined && existsSync(member.netns) ? member.netns : undefined);
    await this.options.probes?.remove(uid);
    await zds.remove(uid);
    older.forget(uid);
    if (member.netns !== undefined && !member.gone) this.#remains.removeLater(member.netns);
    if (member.captured) this.options.onOutcome('unenrolled');
    member.captured = false;
    // It may be wanted again meanwhile.
    if (member.again) return;
    this.#members.delete(uid);
    for (const done of member.waiting) done();
  }

  async #annotate(member: Member, value: 'enabled' | 'pending' | undefined): Promise<void> {
    const { metadata } = member.pod;
    if (metadata.annotations?.[REDIRECTION] === value) return;
    const patch = { metadata: { annotations: { [REDIRECTION]: value ?? null } } };
    const now = await this.options.client.patch<Pod>(KIND.Pod, metadata.name, metadata.namespace, patch);
    if (now.metadata.uid === metadata.uid) member.pod = now;
  }
}

function inodeOf(netns: string | undefined): bigint | undefined {
  return netns !== undefined && existsSync(netns) ? statSync(netns, { bigint: true }).ino : undefined;
}

function zdsWorkload({ metadata, spec }: Pod, netns: string): Parameters<ZdsServer['add']>[0] {
  return {
    uid: metadata.uid ?? '',
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    serviceAccount: spec.serviceAccountName ?? 'default',
    netns,
  };
}
