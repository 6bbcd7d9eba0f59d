// Writes into a store until it is killed; says each write after it was acknowledged.
import { writeSync } from 'node:fs';
import { KIND } from '../../../runtime/api/kinds';
import type { KubeObject } from '../../../runtime/api/resources';
import { openStore } from '../../../runtime/cluster/store/store';

const store = openStore(process.argv[2]!);

async function write(worker: number): Promise<void> {
  for (let turn = 0; ; turn++) {
    const name = `${process.pid}-${worker}-${turn >> 1}`;
    const object: KubeObject =
      turn % 2 === 0
        ? await store.create(KIND.ConfigMap, { metadata: { name, namespace: 'default' } })
        : await store.modify(KIND.ConfigMap, 'default', name, (draft) => void Object.assign(draft, { data: { turn } }));
    writeSync(1, `${name} ${object.metadata.resourceVersion}\n`);
  }
}

for (const worker of [0, 1, 2, 3]) void write(worker);
