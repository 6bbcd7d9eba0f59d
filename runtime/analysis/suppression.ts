import type { MeshDocument } from './document';
import { lineOf, positionOf, type SourceText } from './source-text';

/**
 * Annotations that silence codes on one object. Ours is ignored when empty; Kiali's then silences everything, as it does
 * there, and Istio's does so with `*`.
 */
const ANNOTATIONS = ['ambient.dev/ignore', 'kiali.io/ignore-validations', 'galley.istio.io/analyze-suppress'] as const;
const NEXT_LINE = /#\s*ambient-disable-next-line\b(.*)$/;

/** Whether the line above says `# ambient-disable-next-line AMBnnnn, …`; without codes it silences all. */
export function isDisabledByComment(source: SourceText, offset: number, names: readonly string[]): boolean {
  const { line } = positionOf(source, offset);
  const codes = NEXT_LINE.exec(lineOf(source, line - 1))?.[1];
  return codes !== undefined && (codes.trim() === '' || names.some((name) => listed(codes).has(name)));
}

/** Whether an annotation of the object names one of the codes: ours or an upstream alias. */
export function isIgnoredByAnnotation(document: MeshDocument, names: readonly string[]): boolean {
  const { annotations } = document.value.metadata;
  return ANNOTATIONS.some((annotation) => {
    const text = annotations?.[annotation];
    if (text === undefined) return false;
    if (text.trim() === '') return annotation === 'kiali.io/ignore-validations';
    const codes = listed(text);
    return codes.has('*') || names.some((name) => codes.has(name));
  });
}

/** Codes at the start of the text; words after them (a reason) do not count. */
function listed(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s,]+/).filter(Boolean));
}
