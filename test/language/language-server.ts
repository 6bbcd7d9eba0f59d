import { afterAll, beforeAll } from 'vitest';
import { buildCommand, Editor } from './client';

/** Builds `ambient lsp` for the tests of a file; returns what opens an editor on files, its server started. */
export function languageServer(): (files: Readonly<Record<string, string>>, settings?: object) => Promise<Editor> {
  let command: Awaited<ReturnType<typeof buildCommand>>;
  beforeAll(async () => void (command = await buildCommand()));
  afterAll(() => command[Symbol.dispose]());
  return async (files, settings = {}) => {
    const editor = new Editor(command.program, files);
    editor.settings = settings;
    await editor.start();
    return editor;
  };
}
