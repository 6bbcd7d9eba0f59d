import { NotificationType, RequestType, RequestType0 } from 'vscode-languageserver/node';
import type { Enforcement } from '../analysis/enforcement/enforcement';

/** What the client and this server say beyond the Language Server Protocol; each message with who sends it and when. */

/** Client → server: a mesh runs, or none runs any more; its objects then complete values. */
export const meshChanged = new NotificationType<{ readonly kubeconfig: string | null }>('ambient/meshChanged');

/** Client → server, on the user's command: show the findings of all files from now on. */
export const analyzeWorkspace = new RequestType0<AnalysisStatus, void>('ambient/analyzeWorkspace');

/** Client → server, from a code lens: who enforces the object, or null when it is gone. */
export const explain = new RequestType<ExplainParams, Enforcement | null, void>('ambient/explain');

export interface ExplainParams {
  readonly uri: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Server → client, after each analysis. */
export const analysed = new NotificationType<AnalysisStatus>('ambient/analysed');

export interface AnalysisStatus {
  readonly files: number;
  readonly documents: number;
  /** Of what is shown. */
  readonly errors: number;
  readonly warnings: number;
  /** Work of the last analysis, in milliseconds. */
  readonly tookMs: number;
  /** The workspace has more manifests than are analysed. */
  readonly truncated: boolean;
  readonly istioVersion: string;
}
