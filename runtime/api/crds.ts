import type { KubeObject } from './resources';
import bundle from './crds.json';

/** A CustomResourceDefinition of apiextensions.k8s.io/v1, as far as the API server reads it. */
export interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    names: {
      kind: string;
      listKind?: string;
      plural: string;
      singular?: string;
      shortNames?: string[];
      categories?: string[];
    };
    scope: 'Namespaced' | 'Cluster';
    versions: {
      name: string;
      served: boolean;
      storage: boolean;
      deprecated?: boolean;
      deprecationWarning?: string;
      schema?: { openAPIV3Schema?: Record<string, unknown> };
      subresources?: { status?: object; scale?: object };
      additionalPrinterColumns?: {
        name: string;
        type: string;
        jsonPath: string;
        format?: string;
        priority?: number;
      }[];
      selectableFields?: { jsonPath: string }[];
    }[];
    preserveUnknownFields?: boolean;
    conversion?: { strategy: string };
  };
  status?: Record<string, unknown>;
}

/**
 * The Gateway API's and Istio's definitions that the embedded cluster has from its start, in order of installation.
 * Written by test/api/crds.mjs; see NOTICE.
 */
export const bundledCrds = bundle as unknown as readonly CustomResourceDefinition[];
