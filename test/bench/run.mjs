// Runs one benchmark: `node test/bench/run.mjs NAME [-o text|json]`; exit code 1 when a target is missed.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [name = '', ...flags] = process.argv.slice(2);
const file = path.join(import.meta.dirname, `${name}.ts`);
if (!/^[a-z-]+$/.test(name) || name === 'figure' || !existsSync(file)) {
  const names = readdirSync(import.meta.dirname).filter((entry) => entry.endsWith('.ts') && entry !== 'figure.ts');
  console.error(`Name a benchmark: ${names.map((entry) => entry.replace(/\.ts$/, '')).join(', ')}`);
  process.exit(2);
}
// Two folders below the root, as the sources are: what they find by their own place is found from here too.
const outfile = path.join(import.meta.dirname, '..', '..', '.cache', 'bench', `${name}.mjs`);
await build({ entryPoints: [file], bundle: true, platform: 'node', format: 'esm', packages: 'external', outfile });
const { bench } = await import(pathToFileURL(outfile).href);
const figures = await bench();
if (flags.join(' ').includes('json')) console.log(JSON.stringify(figures));
else
  for (const { name: what, value, unit, target, ok } of figures)
    console.log(`${what}: ${value} ${unit} (target ${target}) ${ok ? 'ok' : 'MISSED'}`);
process.exitCode = figures.every(({ ok }) => ok) ? 0 : 1;
