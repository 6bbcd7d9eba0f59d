import {
  CodeActionKind,
  CodeLensRefreshRequest,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  TextDocumentSyncKind,
  TextDocuments,
  type CancellationToken,
  type Connection,
  type InitializeParams,
  type InitializeResult,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { codeActions, FIX_ALL } from './code-actions';
import { codeLenses, resolveCodeLens, uriOfLens } from './code-lens';
import { completion } from './completion';
import { definition } from './definition';
import { DiagnosticsPublisher } from './diagnostics-publisher';
import { documentLinks } from './document-links';
import { explainObject } from './explain-object';
import { findReferences } from './find-references';
import { hover } from './hover';
import { LiveObjects } from './live-objects';
import { LiveTraffic } from './live-traffic';
import { fileOf } from './places';
import { analysed, analyzeWorkspace, explain, meshChanged, type AnalysisStatus } from './protocol';
import { prepareRename, rename } from './rename';
import { LanguageSession } from './session';
import { settingsFrom, type Settings } from './settings';
import { documentSymbols, workspaceSymbols } from './symbols';
import { textOf } from './workspace-files';
import { WorkspaceWatch } from './workspace-watch';

export interface ServerOptions {
  /** The running mesh's kubeconfig, where no client tells of it. */
  readonly kubeconfig?: () => Promise<string | undefined>;
}

/** What the server does, as it tells a client at the start. */
const CAPABILITIES: InitializeResult['capabilities'] = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  completionProvider: { triggerCharacters: [':', ' ', '-', '"', '/', '.', '['] },
  hoverProvider: true,
  codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite, FIX_ALL] },
  codeLensProvider: { resolveProvider: true },
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  documentSymbolProvider: true,
  workspaceSymbolProvider: true,
  documentLinkProvider: {},
  workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
};

/** Serves a client over a connection until it closes. */
export function serve(connection: Connection, options: ServerOptions = {}): void {
  const documents = new TextDocuments(TextDocument);
  const session = new LanguageSession((files, since) => {
    publisher.publish(files, since);
    tellStatus();
  });
  const publisher = new DiagnosticsPublisher(connection, session);
  const watch = new WorkspaceWatch(session, (problem) => connection.console.warn(problem));
  const live = new LiveObjects(
    (mesh) => session.setLive(mesh),
    (problem) => connection.console.info(problem),
  );
  const traffic = new LiveTraffic((problem) => connection.console.info(problem));
  const useMesh = (kubeconfig: string | undefined): void => {
    live.use(kubeconfig);
    traffic.use(kubeconfig);
  };
  let client: InitializeParams['capabilities'] = {};

  connection.onInitialize(({ capabilities, workspaceFolders, rootUri, initializationOptions }) => {
    client = capabilities;
    session.settings = settingsFrom(initializationOptions);
    watch.folders = (workspaceFolders?.map(({ uri }) => uri) ?? (rootUri ? [rootUri] : [])).map(fileOf);
    return { capabilities: CAPABILITIES, serverInfo: { name: 'ambient' } };
  });

  connection.onInitialized(async () => {
    if (client.workspace?.didChangeConfiguration?.dynamicRegistration)
      await connection.client.register(DidChangeConfigurationNotification.type, { section: 'ambient' });
    if (client.workspace?.didChangeWatchedFiles?.dynamicRegistration)
      await connection.client.register(DidChangeWatchedFilesNotification.type, {
        watchers: [{ globPattern: '**/*.{yaml,yml,json}' }],
      });
    if (client.workspace?.workspaceFolders)
      connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
        watch.folders = [
          ...watch.folders.filter((folder) => !removed.some(({ uri }) => fileOf(uri) === folder)),
          ...added.map(({ uri }) => fileOf(uri)),
        ];
        void gather();
      });
    await configure();
    await gather();
    if (options.kubeconfig) useMesh(await options.kubeconfig());
  });

  /** Reads the workspace, with a progress that can be cancelled where the client shows one. */
  async function gather(): Promise<void> {
    const progress = client.window?.workDoneProgress
      ? await connection.window.createWorkDoneProgress().catch(() => undefined)
      : undefined;
    progress?.begin('Ambient: reading manifests', undefined, undefined, true);
    try {
      await watch.scan(
        (count) => progress?.report(`${count} files`),
        () => progress?.token.isCancellationRequested ?? false,
      );
    } finally {
      progress?.done();
    }
  }

  async function configure(): Promise<void> {
    if (!client.workspace?.configuration) return;
    adopt(settingsFrom(await connection.workspace.getConfiguration('ambient')));
  }

  function adopt(settings: Settings): void {
    const { exclude } = session.settings.analysis;
    session.adopt(settings);
    if (String(settings.analysis.exclude) !== String(exclude)) void gather();
    refreshLenses();
  }

  function tellStatus(): AnalysisStatus {
    const status = publisher.status(watch.truncated);
    void connection.sendNotification(analysed, status);
    refreshLenses();
    return status;
  }

  /** Lenses tell of other files too. */
  function refreshLenses(): void {
    if (client.workspace?.codeLens?.refreshSupport) void connection.sendRequest(CodeLensRefreshRequest.type);
  }

  /** A handler that answers with the whole workspace in view, unless the client has changed its mind while it was read. */
  function whole<P, R>(handler: (params: P) => R): (params: P, token: CancellationToken) => Promise<R | null> {
    return async (params, token) => {
      await watch.scanned;
      return token.isCancellationRequested ? null : (handler(params) ?? null);
    };
  }

  connection.onDidChangeConfiguration(async ({ settings }) => {
    if (client.workspace?.configuration) return configure();
    adopt(settingsFrom((settings as { ambient?: unknown } | undefined)?.ambient));
  });
  connection.onDidChangeWatchedFiles(({ changes }) => watch.changed(changes));

  documents.onDidChangeContent(({ document }) =>
    session.edit(fileOf(document.uri), document.getText(), document.version),
  );
  documents.onDidSave(() => live.refresh());
  documents.onDidClose(async ({ document: { uri } }) => {
    const file = fileOf(uri);
    session.close(file, watch.covers(file) ? await textOf(file) : undefined);
  });

  connection.onCompletion(
    whole(({ textDocument, position }) => {
      live.refresh();
      return completion(session, fileOf(textDocument.uri), position);
    }),
  );
  connection.onHover(
    whole(({ textDocument, position }) => hover(session, fileOf(textDocument.uri), position, () => traffic.look())),
  );
  connection.onCodeAction(
    whole(({ textDocument, range, context }) => codeActions(session, fileOf(textDocument.uri), range, context)),
  );
  connection.onCodeLens(
    whole(({ textDocument: { uri } }) =>
      session.settings.codeLens.enabled ? codeLenses(session, fileOf(uri), uri) : [],
    ),
  );
  connection.onCodeLensResolve((lens) => resolveCodeLens(session, fileOf(uriOfLens(lens)), lens));
  connection.onDefinition(
    whole(({ textDocument, position }) => definition(session, fileOf(textDocument.uri), position)),
  );
  connection.onReferences(
    whole(({ textDocument, position, context }) =>
      findReferences(session, fileOf(textDocument.uri), position, context.includeDeclaration),
    ),
  );
  connection.onPrepareRename(
    whole(({ textDocument, position }) => prepareRename(session, fileOf(textDocument.uri), position)),
  );
  connection.onRenameRequest(
    whole(({ textDocument, position, newName }) => rename(session, fileOf(textDocument.uri), position, newName)),
  );
  connection.onDocumentSymbol(({ textDocument }) => documentSymbols(session, fileOf(textDocument.uri)));
  connection.onWorkspaceSymbol(whole(({ query }) => workspaceSymbols(session, query)));
  connection.onDocumentLinks(({ textDocument }) => documentLinks(session, fileOf(textDocument.uri)));

  connection.onRequest(
    explain,
    whole((params) => explainObject(session, fileOf(params.uri), params)),
  );
  connection.onNotification(meshChanged, ({ kubeconfig }) => useMesh(kubeconfig ?? undefined));
  connection.onRequest(analyzeWorkspace, async () => {
    await watch.scanned;
    publisher.publishAll();
    return tellStatus();
  });

  connection.onShutdown(() => {
    session[Symbol.dispose]();
    traffic[Symbol.dispose]();
  });
  documents.listen(connection);
  connection.listen();
}
