import { readFileSync } from 'node:fs';
import { bookshopService, SERVICES } from './bookshop';
import { serveEcho } from './echo';
import { serveJson } from './json-server';
import { podIdentity } from './pod-identity';
import { Traffic } from './traffic';
import { parseTargets } from './traffic-target';

/** Milliseconds that requests in flight get after SIGTERM. */
const GRACE_MS = 2000;

type Stop = () => Promise<unknown>;

const portOf = (fallback: number): number => Number(process.env['PORT'] ?? fallback);

const programs: Readonly<Record<string, (args: string[]) => Promise<Stop>>> = {
  async echo() {
    const ports = (process.env['PORTS'] ?? '8080').split(',').map(Number);
    const echo = await serveEcho(ports, podIdentity());
    console.log(`stand-in: listening on ${echo.ports.join(', ')}`);
    return () => echo.close(GRACE_MS);
  },
  async bookshop([name = process.env['SERVICE'] ?? '']) {
    const service = bookshopService(name, process.env['VERSION'] ?? 'v1');
    if (service === undefined) throw new Error(`no service "${name}"; one of: ${SERVICES.join(', ')}`);
    const server = await serveJson(portOf(8080), service);
    console.log(`${name}: listening on ${server.port}`);
    return () => server.close(GRACE_MS);
  },
  async traffic() {
    const file = process.env['TARGETS_FILE'];
    const text = file === undefined ? process.env['TARGETS'] : readFileSync(file, 'utf8');
    if (text === undefined) throw new Error('set TARGETS to a list of targets, or TARGETS_FILE to a file with one');
    const traffic = new Traffic(await parseTargets(text));
    const server = await serveJson(portOf(8081), traffic.handle);
    traffic.start();
    console.log(`traffic: counts on ${server.port}`);
    return () => Promise.all([traffic.stop(), server.close(GRACE_MS)]);
  },
};

async function main([program = '', ...args]: string[]): Promise<void> {
  const start = Object.hasOwn(programs, program) ? programs[program] : undefined;
  if (start === undefined) throw new Error(`no program "${program}"; one of: ${Object.keys(programs).join(', ')}`);
  const stop = await start(args);
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), GRACE_MS).unref();
    void stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
});
