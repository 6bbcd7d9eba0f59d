import { liveOf } from '../live-status';
import { rule } from '../rule';
import { MESH_KINDS, WORKLOAD_KINDS } from './live-kinds';

export const liveMissing = rule({
  code: 'AMB7002',
  severity: 'hint',
  title: 'The mesh does not have this object yet',
  why: 'Nothing in the file holds before it is applied: kubectl apply -f FILE. Where the object was deleted in the mesh on purpose, the file is out of date.',
  aliases: [],
  scope: 'live',
  kinds: [...MESH_KINDS, ...WORKLOAD_KINDS],
  check({ document, mesh, report }) {
    const { live } = mesh;
    const { group, kind, namespace, name } = document;
    if (name === '' || !live?.kinds.has(`${group}/${kind}`) || liveOf(document, mesh) !== undefined) return;
    const key = namespace === '' ? name : `${namespace}/${name}`;
    report(['metadata', 'name'], `The mesh (${live.context}) does not have the ${kind} ${key} yet.`);
  },
});
