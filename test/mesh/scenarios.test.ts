import { afterAll, beforeAll, describe, expect } from 'vitest';
import { scenarios } from '../scenarios/scenarios';
import { UserMesh } from '../scenarios/user-mesh';

describe('the mesh on the embedded engine', () => {
  const mesh = new UserMesh();
  beforeAll(async () => {
    expect(await mesh.json('up', '--engine', 'embedded')).toMatchObject({ engine: 'embedded' });
  });
  afterAll(() => mesh[Symbol.asyncDispose]());

  scenarios(mesh);
});
