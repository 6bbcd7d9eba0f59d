import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// The pure rooms of docs/architecture.md, invariant 1: values in, values out, no I/O.
const pure = ['policy', 'routing', 'schema', 'simulate', 'analysis', 'graph', 'migrate'].map(
  (room) => `runtime/${room}/**/*.ts`,
);

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.cache', 'runtime/proto/gen', 'test-results'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      'no-undef': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
    },
  },
  {
    files: ['runtime/**/*.ts', 'webview/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^vscode$', message: 'Only extension/ knows VS Code.' },
            { regex: '/extension/', message: 'Arrows point down.' },
          ],
        },
      ],
    },
  },
  {
    files: pure,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^node:', message: 'A pure room does no I/O.' },
            {
              regex: '^(vscode|koffi|lmdb|undici|pino|@grpc/.*|@kubernetes/client-node)$',
              message: 'A pure room does no I/O.',
            },
            {
              regex:
                '/(kube|istiod|agent|ztunnel|waypoint|hbone|redirect|cluster|engine|apps|cli|xds)/|/telemetry/(?!flow-record$)',
              message: 'A pure room knows nobody above it.',
            },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        'process',
        'fetch',
        'setTimeout',
        'setInterval',
        'Buffer',
        'document',
        'window',
      ],
    },
  },
);
