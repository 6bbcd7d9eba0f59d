/** Folder of the bundles: this code's own once it is bundled. */
export function bundleFolder(): string {
  return process.env['AMBIENT_DIST'] ?? __dirname;
}
