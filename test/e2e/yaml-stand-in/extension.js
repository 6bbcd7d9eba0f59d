// Stands in for Red Hat's YAML extension, which cannot be installed where there is no marketplace: the same id and API, and
// of its checks the one that an unknown field is not allowed, for fields called `colour`.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const vscode = require('vscode');

exports.activate = (context) => {
  const diagnostics = vscode.languages.createDiagnosticCollection('yaml');
  const check = (document) => {
    if (document.languageId !== 'yaml') return;
    const found = [...document.getText().matchAll(/\bcolour\b/g)].map(({ index }) => {
      const range = new vscode.Range(document.positionAt(index), document.positionAt(index + 'colour'.length));
      const one = new vscode.Diagnostic(range, 'Property colour is not allowed.', vscode.DiagnosticSeverity.Error);
      one.source = 'yaml-schema: Kubernetes';
      return one;
    });
    diagnostics.set(document.uri, found);
  };
  const contributors = [];
  context.subscriptions.push(
    diagnostics,
    vscode.workspace.onDidOpenTextDocument(check),
    vscode.workspace.onDidChangeTextDocument(({ document }) => check(document)),
  );
  vscode.workspace.textDocuments.forEach(check);
  return {
    contributors,
    registerContributor: (schema) => contributors.push(schema) > 0,
    modifySchemaContent: () => undefined,
    deleteSchemaContent: () => undefined,
    deleteSchemasWhole: () => undefined,
  };
};
