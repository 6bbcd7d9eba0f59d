import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { pathFolders } from '../../../runtime/engine/find-program';
import { ownPrograms } from '../../../runtime/engine/kind/kind-program';
import { engineAt } from '../../engine/kind/engine-stand-in';
import { click, hasPage, pick, textsOf, until } from './workbench';

const TOASTS = '.notifications-toasts .notification-list-item';
/** Go builds kind, with cold caches from its sources on the network. */
const BUILD_MS = 240_000;

// On a machine with a Docker engine that answers and no kind; kind's releases cannot be had, so Go builds it.
describe('a kind cluster without kind', () => {
  const inherited = { ...process.env };
  let folder: string;
  let docker: Awaited<ReturnType<typeof engineAt>>;
  let site: http.Server;
  let refuse: () => void;

  before(async function () {
    if (!hasPage) return this.skip();
    folder = mkdtempSync(path.join(tmpdir(), 'ambient-e2e-kind-'));
    docker = await engineAt(path.join(folder, 'docker.sock'));
    const refused = new Promise<void>((resolve) => (refuse = resolve));
    site = http.createServer((_, response) => void refused.then(() => response.writeHead(404).end()));
    await once(site.listen(0, '127.0.0.1'), 'listening');
    const { port } = site.address() as AddressInfo;
    process.env['DOCKER_HOST'] = docker.host;
    process.env['XDG_DATA_HOME'] = folder;
    process.env['AMBIENT_KIND_DOWNLOADS'] = `http://127.0.0.1:${port}`;
    process.env['PATH'] = pathFolders({ PATH: process.env['LAUNCHER_PATH'] })
      .filter((entry) => !existsSync(path.join(entry, 'kind')))
      .join(path.delimiter);
  });

  after(async () => {
    if (!hasPage) return;
    for (const name of ['DOCKER_HOST', 'XDG_DATA_HOME', 'AMBIENT_KIND_DOWNLOADS', 'PATH'])
      if (inherited[name] === undefined) delete process.env[name];
      else process.env[name] = inherited[name];
    site.close();
    docker.close();
    rmSync(folder, { recursive: true, force: true });
    await vscode.workspace.getConfiguration('ambient').update('engine', undefined, vscode.ConfigurationTarget.Global);
  });

  const toast = (text: string, timeoutMs?: number): Promise<true> =>
    until(text, async () => (await textsOf(TOASTS)).some((shown) => shown.includes(text)) || undefined, timeoutMs);

  it('is offered to be installed, with progress, and the start goes on', async function () {
    this.timeout(BUILD_MS * 2);
    const started = vscode.commands.executeCommand('ambient.startMesh');
    await pick('Select Engine', 'A kind cluster');
    await toast('The program kind was found neither');
    assert.ok(!existsSync(ownPrograms()));
    await click(`${TOASTS} .monaco-button`, 'Install kind');
    await toast('kind: downloading');
    refuse();
    // What its next step lacks: containers, in the engine that stands in.
    await toast('kind get clusters failed', BUILD_MS);
    await started;
    assert.ok(existsSync(path.join(ownPrograms(), 'kind')));
  });
});
