import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statSync, existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectPackets, listenPackets } from '../../runtime/redirect/packet-socket';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'packets-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('keeps message borders, both ways, and tells the end', async () => {
  const listener = listenPackets(path.join(folder, 'a.sock'));
  const accepted = listener.accept();
  const client = connectPackets(path.join(folder, 'a.sock'));
  const server = (await accepted)!;
  client.send(Buffer.from('one'));
  client.send(Buffer.from('two'));
  expect((await server.receive())?.data.toString()).toBe('one');
  expect((await server.receive())?.data.toString()).toBe('two');
  const answer = client.receive();
  server.send(Buffer.alloc(900, 7));
  expect((await answer)?.data).toEqual(Buffer.alloc(900, 7));
  client.close();
  expect(await server.receive()).toBeUndefined();
  server.close();
  listener.close();
});

test('hands an open descriptor over', async () => {
  const listener = listenPackets(path.join(folder, 'a.sock'));
  const accepted = listener.accept();
  const client = connectPackets(path.join(folder, 'a.sock'));
  const server = (await accepted)!;
  const netns = openSync('/proc/self/ns/net', 'r');
  server.send(Buffer.from('take'), netns);
  closeSync(netns);
  const packet = (await client.receive())!;
  expect(packet.data.toString()).toBe('take');
  expect(packet.fds).toHaveLength(1);
  expect(fstatSync(packet.fds[0]!).ino).toBe(statSync('/proc/self/ns/net').ino);
  closeSync(packet.fds[0]!);
  client.close();
  server.close();
  listener.close();
});

test('close wakes who waits and removes the file', async () => {
  const at = path.join(folder, 'a.sock');
  const listener = listenPackets(at);
  const accepting = listener.accept();
  listener.close();
  expect(await accepting).toBeUndefined();
  expect(existsSync(at)).toBe(false);

  const second = listenPackets(at);
  const accepted = second.accept();
  const client = connectPackets(at);
  const server = (await accepted)!;
  const receiving = client.receive();
  client.close();
  expect(await receiving).toBeUndefined();
  server.close();
  second.close();
});

test('names the error of a missing listener', () => {
  expect(() => connectPackets(path.join(folder, 'none.sock'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
