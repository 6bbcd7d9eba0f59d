/**
 * Flags of the Node that runs the language server. A young generation of 8 MiB instead of Node's default: reading 1,000
 * files leaves the server at 170 MiB instead of 255, in the same processor time.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8'];
