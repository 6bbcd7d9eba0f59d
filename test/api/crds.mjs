// Writes runtime/api/crds.json and runtime/api/NOTICE: the CustomResourceDefinitions that the embedded cluster serves,
// from the modules where they are published. `node test/api/crds.mjs [target folder]`; needs the go command.
//
// Descriptions go (they are nine tenths of the text), schemas, CEL rules, printer columns and all versions stay.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** In the order in which they are installed. */
const SOURCES = [
  {
    module: 'sigs.k8s.io/gateway-api',
    version: 'v1.6.3',
    files: (kind) => `config/crd/standard/gateway.networking.k8s.io_${kind}.yaml`,
    plurals: ['gatewayclasses', 'gateways', 'httproutes', 'referencegrants'],
  },
  {
    module: 'istio.io/api',
    version: 'v1.31.1',
    files: () => 'kubernetes/customresourcedefinitions.gen.yaml',
    plurals: [
      'authorizationpolicies',
      'peerauthentications',
      'requestauthentications',
      'serviceentries',
      'workloadentries',
      'destinationrules',
      'virtualservices',
      'telemetries',
    ],
  },
];

/** The folder of a module in the module cache, downloaded when it is not there. */
function fetchModule(module, version) {
  const folder = mkdtempSync(path.join(tmpdir(), 'crds-'));
  try {
    const text = execFileSync('go', ['mod', 'download', '-json', `${module}@${version}`], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(text);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where a schema's keyword holds schemas by name, by position, or one. */
const MAPS = ['properties', 'patternProperties', 'definitions'];
const LISTS = ['allOf', 'anyOf', 'oneOf'];
const SINGLES = ['items', 'additionalProperties', 'not'];

/** A schema without descriptions; a property that is called `description` stays. */
function strip(schema) {
  if (typeof schema !== 'object' || schema === null) return schema;
  const stripped = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'description') continue;
    if (MAPS.includes(keyword))
      stripped[keyword] = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, strip(each)]));
    else if (LISTS.includes(keyword)) stripped[keyword] = value.map(strip);
    else if (SINGLES.includes(keyword)) stripped[keyword] = strip(value);
    else stripped[keyword] = value;
  }
  return stripped;
}

function compact({ apiVersion, kind, metadata, spec }) {
  // The API server takes a definition of a k8s.io group only with its approval.
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => /k8s\.io\/|^api-approved/.test(key));
  return {
    apiVersion,
    kind,
    metadata: {
      name: metadata.name,
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: {
      ...spec,
      versions: spec.versions.map(({ schema, additionalPrinterColumns, ...version }) => ({
        ...version,
        ...(additionalPrinterColumns && {
          additionalPrinterColumns: additionalPrinterColumns.map(({ description: _, ...column }) => column),
        }),
        schema: { openAPIV3Schema: strip(schema.openAPIV3Schema) },
      })),
    },
  };
}

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? path.join(here, '../../runtime/api');
const crds = [];
const notices = [];
for (const { module, version, files, plurals } of SOURCES) {
  const { Dir: folder, Sum: sum } = fetchModule(module, version);
  const names = [...new Set(plurals.map(files))];
  const documents = names
    .flatMap((name) => parseAllDocuments(readFileSync(path.join(folder, name), 'utf8')))
    .map((document) => document.toJS({ maxAliasCount: 0 }))
    .filter((object) => object?.kind === 'CustomResourceDefinition');
  for (const plural of plurals) {
    const crd = documents.find(({ spec }) => spec.names.plural === plural);
    if (crd === undefined) throw new Error(`${module}@${version} has no CustomResourceDefinition for ${plural}`);
    crds.push(compact(crd));
  }
  notices.push(
    `${module} ${version} (${sum})\n  ${names.join('\n  ')}\n  for ${plurals.join(', ')}\n  Apache License, Version 2.0\n`,
  );
}

writeFileSync(path.join(target, 'crds.json'), `[\n${crds.map((crd) => JSON.stringify(crd)).join(',\n')}\n]\n`);
writeFileSync(
  path.join(target, 'NOTICE'),
  `crds.json holds CustomResourceDefinitions of these Go modules, without their descriptions.
test/api/crds.mjs writes both files; change the versions there.

${notices.join('\n')}
Both modules are licensed under the Apache License, Version 2.0; see LICENSE at the root of this repository.
Gateway API: Copyright The Kubernetes Authors. Istio API: Copyright Istio Authors.
`,
);
