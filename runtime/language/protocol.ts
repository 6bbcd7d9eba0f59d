import { NotificationType, RequestType, RequestType0, type Position } from 'vscode-languageserver/node';
import type { Enforcement } from '../analysis/enforcement/enforcement';

/** What the client and this server say beyond the Language Server Protocol; each message with who sends it and when. */

/** Client → server: a mesh runs, or none runs any more; its objects then complete values. */
export const meshChanged = new NotificationType<{ readonly kubeconfig: string | null }>('ambient/meshChanged');

/** Client → server, on the user's command: show the findings of all files from now on. */
export const analyzeWorkspace = new RequestType0<AnalysisStatus, void>('ambient/analyzeWorkspace');

/** Client → server, from a code lens or the palette: who enforces the object, or null when there is none. */
export const explain = new RequestType<ExplainParams, Enforcement | null, void>('ambient/explain');

/** The object that a name or a position in the text means. */
export interface ExplainParams {
  readonly uri: string;
  readonly object?: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly position?: Position;
}

/** Server → client, after each analysis. */
export const analysed = new NotificationType<AnalysisStatus>('ambient/analysed');

export interface AnalysisStatus {
  readonly files: number;
  readonly documents: number;
  /** Of what is shown. */
  readonly errors: number;
  readonly warnings: number;
  /** Work of the last analysis, in milliseconds of processor time. */
  readonly tookMs: number;
  /** The workspace has more manifests than are analysed. */
  readonly truncated: boolean;
  readonly istioVersion: string;
}
