import { COMMAND } from '../../api/labels';
import type { Container, Pod } from '../../api/resources';
import { splitCommandLine } from './command-line';

/** Where our own programs are seen by every pod. */
export const PROGRAMS = '/run/ambient';
const NODE = `${PROGRAMS}/bin/node`;

/** What runs for a container. */
export interface Program {
  readonly argv: readonly string[];
  /** Environment that the program needs beside the container's own. */
  readonly env: Readonly<Record<string, string>>;
  /** An echo server stands for an image that has no program here. */
  readonly standIn: boolean;
}

const bundles: Readonly<Record<string, readonly string[]>> = {
  istiod: ['istiod'],
  agent: ['agent'],
  ztunnel: ['ztunnel'],
  waypoint: ['waypoint'],
  bookshop: ['apps', 'bookshop'],
  traffic: ['apps', 'traffic'],
  echo: ['apps', 'echo'],
};

/** The name of one of our own images, without tag and digest. */
export function ownImage(image: string | undefined): string | undefined {
  const name = /^ambient\/([a-z-]+)(?:[:@].*)?$/.exec(image ?? '')?.[1];
  return name !== undefined && name in bundles ? name : undefined;
}

/** Chooses the local program of a container: its image's, the one its pod names, or an echo server on its ports. */
export function programOf(pod: Pod, container: Container): Program {
  const own = ownImage(container.image);
  const bundled = (name: string, args: readonly string[]): readonly string[] => {
    const [bundle, ...first] = bundles[name]!;
    return [NODE, `${PROGRAMS}/dist/${bundle}.js`, ...first, ...args];
  };
  if (own !== undefined) return { argv: bundled(own, container.args ?? []), env: {}, standIn: false };
  const command = splitCommandLine(pod.metadata.annotations?.[COMMAND] ?? '');
  if (command.length > 0) return { argv: command, env: {}, standIn: false };
  const ports = (container.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  const PORTS = ports.map(({ containerPort }) => containerPort).join(',');
  return { argv: bundled('echo', []), env: { PORTS }, standIn: true };
}
