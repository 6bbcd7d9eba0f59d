import type { EnforcementPath } from '../../policy/enforcement-paths';
import type { EffectAt, PolicyEffect } from '../../policy/policy-effects';
import type { MeshDocument } from '../document';
import { parsePath } from '../path';
import { placeAt, type Place } from '../place';

/** `<kind> <namespace>/<name>` and where it is written. */
export interface Subject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** What CodeLens and hover attach to: the object's kind. */
  readonly place: Place;
}

/** What an enforcer protects: a workload by its ztunnel, a service by its waypoint. */
export interface Enforcer {
  readonly by: 'ztunnel' | 'waypoint' | 'gateway' | 'sidecar' | 'nobody';
  /** The waypoint or gateway, `<namespace>/<name>`. */
  readonly name?: string;
  readonly target: Subject;
  /** Nodes whose ztunnel it is; empty where only files are known. */
  readonly nodes: readonly string[];
  /** As whom a client appears that comes by the usual way, in words. */
  readonly identity: string;
  /** Why this enforcer, or why nobody. */
  readonly text: string;
  /** False where files do not tell it for sure, e.g. whether a namespace is in ambient mode. */
  readonly sure: boolean;
}

export interface Effect {
  readonly effect: PolicyEffect;
  readonly text: string;
  readonly place: Place;
  /** What it is about: the object as a whole, one of its rules, or a value in it. */
  readonly of: 'object' | 'rule' | 'value';
}

/** Who enforces an object, on whom, seeing which identity, and what becomes of each part of it. */
export interface Enforcement {
  readonly subject: Subject;
  /** One line, as CodeLens shows it: `Enforced by ztunnel at 2 workloads; rule 2 is dropped`. */
  readonly summary: string;
  readonly enforcers: readonly Enforcer[];
  readonly effects: readonly Effect[];
  /** The ways of traffic and who enforces on each; empty for what is no policy on traffic. */
  readonly paths: readonly EnforcementPath[];
  /** What to know beyond that, in sentences. */
  readonly notes: readonly string[];
  /** For a workload or service: the policies that hold for it, in the order in which they are asked. */
  readonly policies: readonly { readonly subject: Subject; readonly summary: string }[];
}

export function subjectOf(document: MeshDocument): Subject {
  const { kind, namespace, name } = document;
  return { kind, namespace, name, place: placeAt(document, ['kind']) };
}

/** `n things`, with the plural where it is one. */
export function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? '' : 's'}`;
}

const WHOLE = new Set(['spec', 'spec.action', 'spec.selector', 'metadata.annotations']);

/** Effects of an object's parts, with their places in the file. */
export function placed(document: MeshDocument, effects: readonly EffectAt[]): Effect[] {
  return effects.map(({ effect, path, text }) => ({
    effect,
    text,
    place: placeAt(document, parsePath(path)),
    of: WHOLE.has(path) ? 'object' : /^spec\.rules\[\d+\]$/.test(path) ? 'rule' : 'value',
  }));
}
