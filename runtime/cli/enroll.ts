import { setEnrollment, type EnrollmentResult } from '../kube/enrollment';
import { connectToMesh, type MeshOptions } from './mesh';
import { guardProduction } from './production-guard';
import { interruptible, print, progress, table } from './output';

function text(result: EnrollmentResult): string {
  const verb = result.enrolled ? 'enrolled' : 'taken out';
  const head = `Namespace ${result.namespace} is ${result.changed ? '' : 'already '}${verb}.\n`;
  if (result.pods.length === 0) return head;
  const rows = result.pods.map((pod) => [
    pod.name,
    pod.captured ? 'ambient' : 'direct',
    pod.leftOut === undefined ? '' : `left out: ${pod.leftOut}`,
  ]);
  return head + table(['POD', 'TRAFFIC', ''], rows);
}

/** `ambient enroll|unenroll`: exit code 1 when not every pod followed in time. */
export async function enroll(
  options: MeshOptions & { timeout: number },
  namespace: string,
  enrolled: boolean,
): Promise<number> {
  const client = await connectToMesh(options);
  await guardProduction(client, `${enrolled ? 'enroll' : 'unenroll'} ${namespace}`, options.yes);
  const line = progress(options.output);
  line.say(`${enrolled ? 'enrolling' : 'taking out'} ${namespace} ...`);
  const result = await setEnrollment(client, namespace, enrolled, {
    timeoutMs: options.timeout * 1000,
    signal: interruptible(),
  });
  line.done();
  print(options.output, result, text);
  if (!result.complete)
    process.stderr.write(`Not every pod followed within ${options.timeout} s; see ambient logs agent.\n`);
  client[Symbol.dispose]();
  return result.complete ? 0 : 1;
}
