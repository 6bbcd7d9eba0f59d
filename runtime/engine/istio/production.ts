/** Words that people put into the names of what must not break. */
const WORDS: ReadonlySet<string> = new Set(['prod', 'production', 'prd', 'live']);
/** Before such a word they mean the opposite. */
const NEGATIONS: ReadonlySet<string> = new Set(['non', 'not', 'no']);

/** Hosts of managed clusters; anyone can make one to play with, so a sign is a question, not a verdict. */
const MANAGED: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\.eks\.amazonaws\.com(\.cn)?$/, 'Amazon EKS'],
  [/\.gke\.goog$/, 'Google GKE'],
  [/\.azmk8s\.(io|us|cn)$/, 'Azure AKS'],
  [/\.k8s\.ondigitalocean\.com$/, 'DigitalOcean'],
  [/\.containers\.cloud\.ibm\.com$/, 'IBM Cloud'],
  [/\.oraclecloud\.com$/, 'Oracle Cloud'],
  [/\.linodelke\.net$/, 'Akamai'],
  [/\.openshiftapps\.com$/, 'OpenShift'],
];
const MANAGED_CONTEXTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^gke_/, 'Google GKE'],
  [/^arn:aws[\w-]*:eks:/, 'Amazon EKS'],
];

export interface ContextName {
  readonly context: string;
  /** URL of the API server. */
  readonly server: string;
}

/**
 * Why a context looks like production: words in its name or its server's, or a managed cluster's host.
 *
 * @returns sentences' ends, e.g. `its name has "prod"`; empty for a context that may be written to without asking
 */
export function productionSigns({ context, server }: ContextName): string[] {
  const host = hostOf(server);
  const signs: string[] = [];
  for (const [what, text] of [
    ['its name', context],
    ["its server's name", host],
  ] as const) {
    const words = text.toLowerCase().split(/[^a-z0-9]+/);
    const word = words.find((one, index) => WORDS.has(one) && !NEGATIONS.has(words[index - 1] ?? ''));
    if (word !== undefined) signs.push(`${what} has "${word}"`);
  }
  const managed =
    MANAGED.find(([pattern]) => pattern.test(host)) ?? MANAGED_CONTEXTS.find(([pattern]) => pattern.test(context));
  if (managed !== undefined) signs.push(`it is a cluster of ${managed[1]}`);
  return signs;
}

function hostOf(server: string): string {
  try {
    return new URL(server).hostname;
  } catch {
    return server;
  }
}
