import { typed, type FieldDocs } from './field-docs';

/** A match of text, as VirtualService has it. */
export const stringMatch: FieldDocs = {
  exact: 'The whole text.',
  prefix: 'Its beginning.',
  regex: 'A regular expression (RE2) over the whole text.',
};

/** `destination` of VirtualService’s routes and mirrors. */
export const destination: FieldDocs = {
  host: 'Host of a Service or ServiceEntry. A short name is completed with the VirtualService’s namespace.',
  port: 'Port of the service; may be left out when it has only one.',
  'port.number': 'The port.',
  subset: 'Subset of a DestinationRule for the host.',
};

/** `headers` of VirtualService’s routes. */
export const headerOperations: FieldDocs = {
  request: 'Changes of the request’s headers.',
  'request.add': 'Headers to add, by name.',
  'request.remove': 'Names of headers to remove.',
  'request.set': 'Headers to set in place of those that are there, by name.',
  response: 'Changes of the response’s headers.',
  'response.add': 'Headers to add, by name.',
  'response.remove': 'Names of headers to remove.',
  'response.set': 'Headers to set in place of those that are there, by name.',
};

/** A share in percent. */
export const percentage: FieldDocs = {
  value: 'Percent, from 0 to 100, with fractions.',
};

/** A destination with its share of connections. */
export const weightedDestination: FieldDocs = {
  destination: typed('Where connections go.', destination),
  weight: 'Share of connections, relative to the sum of all weights.',
};
