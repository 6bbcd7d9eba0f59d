/** What a target's caller should meet; counts are by what happened, this is what a reader compares them with. */
export type Expectation = 'allow' | 'deny-l4' | 'deny-l7';

export interface Target {
  readonly name: string;
  readonly url: string;
  readonly method: string;
  /** Requests per second. */
  readonly rate: number;
  readonly expect: Expectation;
  readonly headers: Readonly<Record<string, string>>;
}

const expectations: readonly string[] = ['allow', 'deny-l4', 'deny-l7'];

/**
 * Reads the generator's targets, a list of `{name, url, method?, rate?, expect?, headers?}` in YAML or JSON.
 *
 * @throws Error that names the entry and what is wrong with it
 */
export async function parseTargets(text: string): Promise<Target[]> {
  const { parse } = await import('yaml');
  const list: unknown = parse(text);
  if (!Array.isArray(list)) throw new Error('TARGETS must be a list');
  return list.map((entry: unknown, index) => {
    const { name = `target-${index}`, url, method = 'GET', rate = 1, expect = 'allow', headers = {} } = fields(entry);
    const refuse = (what: string): never => {
      throw new Error(`target ${String(name)}: ${what}`);
    };
    if (typeof url !== 'string' || !URL.canParse(url) || !url.startsWith('http:')) refuse('url must be an http: URL');
    if (typeof rate !== 'number' || !(rate > 0)) refuse('rate must be a positive number of requests per second');
    if (!expectations.includes(String(expect))) refuse(`expect must be one of ${expectations.join(', ')}`);
    return {
      name: String(name),
      url: url as string,
      method: String(method).toUpperCase(),
      rate: rate as number,
      expect: expect as Expectation,
      headers: Object.fromEntries(Object.entries(fields(headers)).map(([key, value]) => [key, String(value)])),
    };
  });
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
