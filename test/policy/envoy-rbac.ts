// A small reading of Envoy's RBAC filter configuration, as far as istiod writes it: the second opinion on our own.
import { BlockList } from 'node:net';
import type { RequestFacts } from '../../runtime/policy/model';

type Config = Record<string, unknown>;
type Facts = RequestFacts & { sni?: string };

interface StringMatch {
  exact?: string;
  prefix?: string;
  suffix?: string;
  safeRegex?: { regex: string };
  ignoreCase?: boolean;
}
interface Block {
  addressPrefix: string;
  prefixLen: number;
}

/** The conditions of a rule, each alone: the members of every AND list of permissions and principals. */
export function conditionsOf(policy: { permissions: Config[]; principals: Config[] }): Config[] {
  return [...policy.permissions, ...policy.principals].flatMap(
    ({ andRules, andIds }) => ((andRules as Config)?.rules ?? (andIds as Config)?.ids ?? []) as Config[],
  );
}

/** Whether a rule applies: one permission and one principal. */
export function applies(policy: { permissions: Config[]; principals: Config[] }, facts: Facts): boolean {
  return policy.permissions.some((each) => holds(each, facts)) && policy.principals.some((each) => holds(each, facts));
}

export function holds(config: Config, facts: Facts): boolean {
  const [kind, value] = Object.entries(config)[0] ?? [];
  const list = (key: string) => (value as Record<string, Config[]>)[key] ?? [];
  switch (kind) {
    case 'any':
      return true;
    case 'andRules':
      return list('rules').every((each) => holds(each, facts));
    case 'andIds':
      return list('ids').every((each) => holds(each, facts));
    case 'orRules':
      return list('rules').some((each) => holds(each, facts));
    case 'orIds':
      return list('ids').some((each) => holds(each, facts));
    case 'notRule':
    case 'notId':
      return !holds(value as Config, facts);
    case 'destinationPort':
      return value === facts.destinationPort;
    case 'destinationIp':
      return within(value as Block, facts.destinationIp);
    case 'directRemoteIp':
    case 'remoteIp':
      return within(value as Block, facts.sourceIp);
    case 'authenticated':
      return text((value as { principalName?: StringMatch }).principalName ?? {}, facts.identity);
    case 'requestedServerName':
      return text(value as StringMatch, facts.sni);
    case 'urlPath':
      return text((value as { path: StringMatch }).path, facts.path);
    case 'uriTemplate':
      return template((value as { typedConfig: { pathTemplate: string } }).typedConfig.pathTemplate, facts.path);
    case 'header': {
      const { name, presentMatch, stringMatch } = value as {
        name: string;
        presentMatch?: boolean;
        stringMatch?: StringMatch;
      };
      const pseudo: Record<string, string> = { ':method': facts.method, ':authority': facts.host };
      const found = pseudo[name] ?? facts.headers[name.toLowerCase()];
      return presentMatch ? found !== undefined : text(stringMatch ?? {}, found);
    }
    // Claims of a JWT and the state of other filters: there are none.
    case 'metadata':
      return false;
    default:
      throw new Error(`what is ${kind}?`);
  }
}

function text({ exact, prefix, suffix, safeRegex, ignoreCase }: StringMatch, found: string | undefined): boolean {
  if (found === undefined) return false;
  const fold = (value: string) => (ignoreCase ? value.toLowerCase() : value);
  if (exact !== undefined) return fold(found) === fold(exact);
  if (prefix !== undefined) return fold(found).startsWith(fold(prefix));
  if (suffix !== undefined) return fold(found).endsWith(fold(suffix));
  return safeRegex === undefined || new RegExp(`^(?:${safeRegex.regex})$`).test(found);
}

function within({ addressPrefix, prefixLen }: Block, address: string): boolean {
  const blocks = new BlockList();
  const family = addressPrefix.includes(':') ? 'ipv6' : 'ipv4';
  blocks.addSubnet(addressPrefix, prefixLen, family);
  return blocks.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

function template(written: string, path: string): boolean {
  const source = written.replace(/\*\*|\*|[.+?^$()[\]|\\]/g, (found) =>
    found === '**' ? '.*' : found === '*' ? '[^/]+' : `\\${found}`,
  );
  return new RegExp(`^${source}$`).test(path);
}
