import { MeshError } from '../errors';

/**
 * What keeps an engine from running here, as its preflight says it.
 *
 * @param check throws a MeshError when something is missing
 * @returns undefined when nothing is
 */
export async function obstacle(
  check: () => Promise<unknown>,
): Promise<{ message: string; remedy: string } | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (MeshError.is(error)) return { message: error.message, remedy: error.remedy };
    throw error;
  }
}
