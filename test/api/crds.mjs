// Writes runtime/api/crds.json and runtime/api/NOTICE: the CustomResourceDefinitions of Istio and of the Gateway API in
// the current and the two previous minor versions, from the Go modules where they are published.
// `node test/api/crds.mjs [target folder]`; needs the go command.
//
// Descriptions go (they are nine tenths of the text); schemas, CEL rules, printer columns and all versions stay. Every
// distinct schema is written once, in `nodes`, and named by its index wherever it stands: three releases of all kinds
// take less than one release of twelve kinds would take written out.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** Newest first. The Gateway API of each release is the one that this minor version of Istio is built with. */
const RELEASES = [
  { istio: 'v1.31.4', gatewayApi: 'v1.6.3' },
  { istio: 'v1.30.8', gatewayApi: 'v1.5.1' },
  { istio: 'v1.29.5', gatewayApi: 'v1.4.1' },
];
const ISTIO = 'istio.io/api';
const GATEWAY_API = 'sigs.k8s.io/gateway-api';
const CHANNELS = ['standard', 'experimental'];

/** Folder and checksum of a module in the module cache, downloaded when it is not there. */
function fetchModule(module, version) {
  const folder = mkdtempSync(path.join(tmpdir(), 'crds-'));
  try {
    const text = execFileSync('go', ['mod', 'download', '-json', `${module}@${version}`], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { Dir, Sum } = JSON.parse(text);
    return { folder: Dir, sum: Sum };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives each distinct value an index, by its text. */
function interning() {
  const values = [];
  const indices = new Map();
  const intern = (value) => {
    const text = JSON.stringify(value);
    if (!indices.has(text)) indices.set(text, values.push(value) - 1);
    return indices.get(text);
  };
  return { values, intern };
}

const nodes = interning();
const definitions = interning();

/** Where a schema's keyword holds schemas by name, by position, or one. */
const MAPS = ['properties'];
const LISTS = ['allOf', 'anyOf', 'oneOf'];
const SINGLES = ['items', 'additionalProperties', 'not'];

/** The index of a schema without descriptions; a property that is called `description` stays. */
function node(schema) {
  if (typeof schema !== 'object' || schema === null) return schema;
  const compact = {};
  for (const keyword of Object.keys(schema).sort()) {
    const value = schema[keyword];
    if (keyword === 'description') continue;
    if (MAPS.includes(keyword))
      compact[keyword] = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, node(each)]));
    else if (LISTS.includes(keyword)) compact[keyword] = value.map(node);
    else if (SINGLES.includes(keyword)) compact[keyword] = node(value);
    else compact[keyword] = value;
  }
  return nodes.intern(compact);
}

/** The indices of a definition without its schemas, and of the schema of each of its versions. */
function definition({ apiVersion, kind, metadata, spec }) {
  // The API server takes a definition of a k8s.io group only with its approval. Bundle and channel of the Gateway API
  // are those of the release, and put back by whoever reads it.
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith('api-approved'));
  const head = {
    apiVersion,
    kind,
    metadata: {
      name: metadata.name,
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: {
      ...spec,
      versions: spec.versions.map(({ schema: _, additionalPrinterColumns, ...version }) => ({
        ...version,
        ...(additionalPrinterColumns && {
          additionalPrinterColumns: additionalPrinterColumns.map(({ description: _, ...column }) => column),
        }),
      })),
    },
  };
  return [definitions.intern(head), ...spec.versions.map(({ schema }) => node(schema.openAPIV3Schema))];
}

/** The definitions of a folder's files, in the order of their names. */
function definitionsIn(folder, names) {
  return names
    .flatMap((name) => parseAllDocuments(readFileSync(path.join(folder, name), 'utf8')))
    .map((document) => document.toJS({ maxAliasCount: 0 }))
    .filter((object) => object?.kind === 'CustomResourceDefinition')
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map(definition);
}

const minor = (version) => /^v(\d+\.\d+)/.exec(version)[1];
const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? path.join(here, '../../runtime/api');
const releases = [];
const notices = [];
for (const versions of RELEASES) {
  const istio = fetchModule(ISTIO, versions.istio);
  const gatewayApi = fetchModule(GATEWAY_API, versions.gatewayApi);
  notices.push(
    `${ISTIO} ${versions.istio} (${istio.sum})`,
    `${GATEWAY_API} ${versions.gatewayApi} (${gatewayApi.sum})`,
  );
  const ofChannel = (channel) => {
    const folder = path.join(gatewayApi.folder, 'config/crd', channel);
    return definitionsIn(
      folder,
      readdirSync(folder).filter((name) => name.startsWith('gateway.')),
    );
  };
  releases.push({
    istio: minor(versions.istio),
    gatewayApi: minor(versions.gatewayApi),
    bundleVersion: versions.gatewayApi,
    definitions: {
      istio: definitionsIn(path.join(istio.folder, 'kubernetes'), ['customresourcedefinitions.gen.yaml']),
      ...Object.fromEntries(CHANNELS.map((channel) => [channel, ofChannel(channel)])),
    },
  });
}

const lines = (values) => `[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`;
writeFileSync(
  path.join(target, 'crds.json'),
  `{"nodes":${lines(nodes.values)},"definitions":${lines(definitions.values)},"releases":${lines(releases)}}\n`,
);
writeFileSync(
  path.join(target, 'NOTICE'),
  `crds.json holds the CustomResourceDefinitions of these Go modules, without their descriptions, from
kubernetes/customresourcedefinitions.gen.yaml of Istio's and config/crd of the Gateway API's.
test/api/crds.mjs writes both files; change the versions there.

${notices.join('\n')}

All are licensed under the Apache License, Version 2.0; see LICENSE at the root of this repository.
Gateway API: Copyright The Kubernetes Authors. Istio API: Copyright Istio Authors.
`,
);
