import { parseAddress, parseCidr } from '../policy/address';

const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** Formats of text that the API server checks, as far as definitions use them. */
const TEXT: Readonly<Record<string, (text: string) => boolean>> = {
  ipv4: (text) => !text.includes(':') && parseAddress(text) !== undefined,
  ipv6: (text) => text.includes(':') && parseAddress(text) !== undefined,
  cidr: (text) => text.includes('/') && parseCidr(text) !== undefined,
  date: (text) => DATE.test(text),
  'date-time': (text) => {
    const [date = '', time = ''] = text.split(/t/i);
    return DATE.test(date) && TIME.test(time);
  },
  // Not the empty text, strangely.
  byte: (text) => text !== '' && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
};

const INT32 = 2 ** 31;

/** Whether a value has a format; formats that are not known fit everything, as they do at the API server. */
export function fitsFormat(value: string | number, format: string): boolean {
  if (typeof value === 'number') return format !== 'int32' || (value >= -INT32 && value < INT32);
  return !Object.hasOwn(TEXT, format) || TEXT[format]!(value);
}
