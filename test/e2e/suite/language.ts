import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { AmbientApi } from '../../../extension/extension';
import { DEPLOYMENT, fileOf, NAMESPACE, POLICY, SERVICE, SERVICE_ACCOUNT } from '../../language/sample';
import { clickInPanel, hasPage, keyboard, panelText, screenshot, textsOf, until } from './workbench';

/** What the test types: the last line of the policy. */
const LINE = '        methods: [DELETE]';
const MANIFESTS = fileOf(NAMESPACE, SERVICE, SERVICE_ACCOUNT, DEPLOYMENT, POLICY.replace(`${LINE}\n`, ''));

describe('manifests in the workbench', () => {
  let folder: string;
  let editor: vscode.TextEditor;

  const open = async (name: string, text: string): Promise<vscode.TextEditor> => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file));
  };
  const ours = (uri = editor.document.uri) =>
    vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'Ambient');
  const codes = (uri?: vscode.Uri) => ours(uri).map(({ code }) => (code as { value: string }).value);
  const positionOf = (part: string, of = editor): vscode.Position =>
    of.document.positionAt(of.document.getText().indexOf(part));
  const settle = (name: string, value: unknown) =>
    vscode.workspace.getConfiguration('ambient').update(name, value, vscode.ConfigurationTarget.Global);

  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'ambient-language-'));
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('start the language server, and nothing else does', async () => {
    const extension = vscode.extensions.getExtension<AmbientApi>('ambient-dev.ambient');
    const api = await extension?.activate();
    assert.equal(api?.analysing, false);
    await open('values.yaml', 'replicas: 2\n');
    assert.equal(api?.analysing, false);
    editor = await open('shop.yaml', MANIFESTS);
    await until('the server started', async () => (api?.analysing ? true : undefined));
  });

  it('show a policy that does nothing as it is typed, with the reason', async () => {
    const end = editor.document.positionAt(MANIFESTS.length);
    editor.selection = new vscode.Selection(end, end);
    if (hasPage) {
      await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
      await keyboard({ type: LINE });
      await keyboard({ press: 'Escape' });
    } else await editor.edit((edit) => edit.insert(end, LINE));
    await until('all keys arrived', async () => (editor.document.getText() === MANIFESTS + LINE ? true : undefined));
    const [finding] = await until('AMB2001', async () => (codes().includes('AMB2001') ? ours() : undefined));
    assert.equal(finding?.severity, vscode.DiagnosticSeverity.Error);
    assert.match(finding?.message ?? '', /without a waypoint this rule denies nothing/);
    assert.equal(editor.document.getText(finding?.range), 'methods');
    if (!hasPage) return;
    await until('the squiggle', async () => ((await textsOf('.squiggly-error')).length > 0 ? true : undefined));
    editor.selection = new vscode.Selection(finding!.range.start, finding!.range.start);
    await vscode.commands.executeCommand('editor.action.showHover');
    await until('the reason on hover', async () =>
      (await textsOf('.monaco-hover')).some((text) => text.includes('denies nothing')) ? true : undefined,
    );
    await screenshot('diagnostic');
  });

  it('say above a policy who enforces it, and explain it', async () => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      editor.document.uri,
      10,
    );
    const lens = lenses.find(({ command }) => command?.title.startsWith('Enforced by'));
    assert.match(lens?.command?.title ?? '', /ztunnel/);
    if (hasPage)
      await until('the lens on the page', async () =>
        (await textsOf('.codelens-decoration')).some((text) => text.includes('Enforced by')) ? true : undefined,
      );
    await vscode.commands.executeCommand(lens!.command!.command, ...(lens?.command?.arguments ?? []));
    if (hasPage) {
      const shows = (words: string) => async () => ((await panelText()).includes(words) ? true : undefined);
      await until('the explanation', shows('Rule 1 denies nothing'));
      await screenshot('explain');
      // A link leads to the line of the rule.
      const rule = positionOf('  - to:');
      await clickInPanel(String(rule.line + 1));
      await until('the line', async () =>
        vscode.window.activeTextEditor?.selection.active.line === rule.line ? true : undefined,
      );
      // The page follows edits: its object is no DENY any more.
      const action = positionOf('DENY');
      await editor.edit((edit) => edit.replace(new vscode.Range(action, action.translate(0, 4)), 'ALLOW'));
      await until('the page after the edit', shows('Rule 1 is dropped'));
      await vscode.window.showTextDocument(editor.document, vscode.ViewColumn.One);
      await vscode.commands.executeCommand('undo');
      await until('the finding again', async () => (codes().includes('AMB2001') ? true : undefined));
      // From the palette, for the object at the cursor.
      await vscode.commands.executeCommand('workbench.action.closeEditorsInOtherGroups');
      editor = await vscode.window.showTextDocument(editor.document, vscode.ViewColumn.One);
      editor.selection = new vscode.Selection(rule, rule);
      await vscode.commands.executeCommand('ambient.explainEnforcement');
      await until('the explanation of what stands at the cursor', shows('Rule 1 denies nothing'));
    }
    await vscode.window.showTextDocument(editor.document, vscode.ViewColumn.One);
    await vscode.commands.executeCommand('workbench.action.closeEditorsInOtherGroups');
  });

  it('fix it by a quick fix, and the finding goes', async () => {
    editor = await vscode.window.showTextDocument(editor.document, vscode.ViewColumn.One);
    const { range } = ours()[0]!;
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      editor.document.uri,
      range,
      vscode.CodeActionKind.QuickFix.value,
    );
    const titles = actions.map(({ title }) => title);
    assert.ok(titles.includes('Create a waypoint for Service reviews and enforce it there'), titles.join('; '));
    assert.ok(titles.includes('Silence AMB2001 here'), titles.join('; '));
    if (hasPage) {
      editor.selection = new vscode.Selection(range.start, range.start);
      await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
      await vscode.commands.executeCommand('editor.action.quickFix');
      await until('the menu of fixes', async () =>
        (await textsOf('.action-widget .monaco-list-row.focused')).some((text) => text.includes('Create a waypoint'))
          ? true
          : undefined,
      );
      await screenshot('quick-fix');
      await keyboard({ press: 'Enter' });
    } else {
      const edit = actions.find(({ title }) => title.startsWith('Create a waypoint'))?.edit;
      await vscode.workspace.applyEdit(edit!);
    }
    await until('the finding gone', async () => (codes().includes('AMB2001') ? undefined : true));
    const text = editor.document.getText();
    assert.match(text, /targetRefs:\n {2}- group: ""\n {4}kind: Service\n {4}name: reviews/);
    assert.match(text, /istio\.io\/use-waypoint: waypoint/);
    assert.match(text, /gatewayClassName: istio-waypoint/);
  });

  it('tell on hover what a field means', async () => {
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      editor.document.uri,
      positionOf('action: DENY'),
    );
    const text = hovers.flatMap(({ contents }) => contents.map((one) => (one as vscode.MarkdownString).value)).join();
    assert.match(text, /\*\*action/);
  });

  it('complete fields and names of the workspace', async () => {
    const place = positionOf('    name: reviews\n  action').translate(0, '    name: '.length);
    const names = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      editor.document.uri,
      place,
    );
    assert.ok(names.items.some(({ label }) => label === 'reviews'));
    const end = positionOf('  action: DENY').translate(1, 0);
    await editor.edit((edit) => edit.insert(end, '  \n'));
    const at = end.translate(0, 2);
    editor.selection = new vscode.Selection(at, at);
    const keys = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      editor.document.uri,
      at,
    );
    const labels = keys.items.map(({ label }) => label);
    assert.ok(labels.includes('provider') && !labels.includes('action'), labels.join());
    if (!hasPage) return;
    await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
    await vscode.commands.executeCommand('editor.action.triggerSuggest');
    await until('the list of fields', async () =>
      (await textsOf('.suggest-widget .monaco-list-row')).some((text) => text.includes('provider')) ? true : undefined,
    );
    await screenshot('completion');
    await keyboard({ press: 'Escape' });
  });

  it('say nothing that another extension says of the same place', async () => {
    const yaml = vscode.extensions.getExtension<{ contributors: unknown[] }>('redhat.vscode-yaml');
    if (yaml === undefined) return;
    const { contributors } = await yaml.activate();
    const text = `${POLICY.split('spec:')[0]}spec:\n  colour: red\n  shape: round\n`;
    const other = await open('other.yaml', text);
    const { uri } = other.document;
    const all = () => vscode.languages.getDiagnostics(uri);
    const about = (word: string) => all().filter(({ range }) => other.document.getText(range) === word);
    await until('both have looked', async () =>
      about('colour').length > 0 && about('shape').length > 0 ? true : undefined,
    );
    assert.deepEqual(
      about('colour').map(({ source }) => source),
      ['yaml-schema: Kubernetes'],
    );
    assert.deepEqual(
      about('shape').map(({ source }) => source),
      ['Ambient'],
    );
    await settle('schema.provider', 'ambient');
    await until('ours too', async () => (about('colour').length === 2 ? true : undefined));
    await settle('schema.provider', 'external');
    await until('none of ours', async () => (codes(uri).includes('AMB1005') ? undefined : true));
    await settle('schema.provider', undefined);
    assert.deepEqual(contributors, []);
  });

  it('are judged again after the server has crashed', async function () {
    if (process.platform !== 'linux') return this.skip();
    const program = path.join(
      vscode.extensions.getExtension('ambient-dev.ambient')!.extensionPath,
      'dist',
      'language.js',
    );
    const servers = readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(program) && parentOf(pid) === process.pid)
      .map(Number);
    assert.equal(servers.length, 1);
    process.kill(servers[0]!, 'SIGKILL');
    const again = await open('again.yaml', POLICY);
    await until('the finding', async () => (codes(again.document.uri).includes('AMB2001') ? true : undefined));
  });

  it('show the findings of all files on request', async () => {
    await vscode.commands.executeCommand('ambient.analyzeWorkspace');
    const found = vscode.languages
      .getDiagnostics()
      .filter(([{ path: file }]) => file.includes('/runtime/apps/manifests/'))
      .flatMap(([, list]) => list.filter(({ source }) => source === 'Ambient'))
      .map(({ code, severity }) => ({ code: (code as { value: string }).value, severity }));
    // The waypoint is deployed by a command, so no file has it; one of the same name stands in the open file.
    const waypoint = found.filter(({ code }) => code === 'AMB2006');
    assert.equal(waypoint.length, 2);
    const grave = found.filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning);
    assert.deepEqual(
      grave.filter((one) => !waypoint.includes(one)),
      [],
    );
  });
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
