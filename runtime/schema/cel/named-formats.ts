const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

const sized = (most: number, expression: RegExp, what: string) => (text: string) => [
  ...(text.length > most ? [`must be no more than ${most} characters`] : []),
  ...(expression.test(text) ? [] : [`must be ${what}`]),
];
const label = sized(63, LABEL, 'a lowercase RFC 1123 label');
const label1035 = sized(63, LABEL_1035, 'a DNS-1035 label');

function subdomain(text: string): string[] {
  return [
    ...(text.length > 253 ? ['must be no more than 253 characters'] : []),
    ...(text.split('.').every((part) => LABEL.test(part)) ? [] : ['must be a lowercase RFC 1123 subdomain']),
  ];
}

function qualifiedName(text: string): string[] {
  const [prefix, ...rest] = text.split('/');
  const name = rest.length === 0 ? prefix! : rest[0]!;
  if (rest.length > 1) return ['must be a name with an optional DNS subdomain before a slash'];
  return [...(rest.length === 0 ? [] : subdomain(prefix!)), ...sized(63, QUALIFIED, 'a qualified name')(name)];
}

/** A prefix may end in a dash, since something is put behind it. */
const prefixed = (check: (text: string) => readonly string[]) => (text: string) =>
  check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);

/** Named formats of CEL at the API server (`format.dns1123Label()`): a text to what is wrong with it. */
export const NAMED_FORMATS: Readonly<Record<string, (text: string) => readonly string[]>> = {
  dns1123Label: label,
  dns1123LabelPrefix: prefixed(label),
  dns1123Subdomain: subdomain,
  dns1123SubdomainPrefix: prefixed(subdomain),
  dns1035Label: label1035,
  dns1035LabelPrefix: prefixed(label1035),
  qualifiedName,
  labelValue: (text) => (text === '' ? [] : sized(63, QUALIFIED, 'a label value')(text)),
};
