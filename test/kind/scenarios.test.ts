import { afterAll } from 'vitest';
import { scenarios } from '../scenarios/scenarios';
import { KindMesh } from './cluster';

const mesh = KindMesh.shared();
afterAll(() => mesh.disconnect());

scenarios(mesh);
