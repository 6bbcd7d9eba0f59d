import type { Graph } from './model';
import { mermaidOf } from './mermaid';
import { metricsOf, sceneOf, type Scene, type SceneMetrics } from './scene';

/** Everything a page needs to draw: sent when somebody new talks, and on request. */
export interface Snapshot {
  readonly kind: 'snapshot';
  readonly generation: number;
  readonly seq: number;
  readonly mermaid: string;
  readonly scene: Scene;
  readonly metrics: readonly SceneMetrics[];
}

/** Numbers alone, for the arrows of the snapshot with the same generation. */
export interface Delta {
  readonly kind: 'delta';
  readonly generation: number;
  readonly seq: number;
  readonly metrics: readonly SceneMetrics[];
}

export interface SessionOptions {
  collapse?: boolean;
}

/** One viewer's place in the stream of snapshots and deltas: numbered, so that the viewer sees a gap and asks anew. */
export class FlowSession {
  #generation = 0;
  #seq = 0;
  #shape = '';
  #scene: Scene = { nodes: [], edges: [] };
  #collapse: boolean;

  constructor({ collapse = false }: SessionOptions = {}) {
    this.#collapse = collapse;
  }

  /** Draws flows through a waypoint as one arrow or two; the next message is a snapshot. */
  set collapse(value: boolean) {
    this.#collapse = value;
    this.resync();
  }

  /** Makes the next message a snapshot. */
  resync(): void {
    this.#shape = '';
  }

  /** The next message for this viewer. */
  next(graph: Graph): Snapshot | Delta {
    const scene = sceneOf(graph, { collapse: this.#collapse });
    const shape =
      JSON.stringify(scene.edges.map((edge) => ({ ...edge, flows: undefined }))) + JSON.stringify(scene.nodes);
    this.#scene = scene;
    const metrics = metricsOf(this.#scene, graph);
    this.#seq += 1;
    if (shape === this.#shape) return { kind: 'delta', generation: this.#generation, seq: this.#seq, metrics };
    this.#shape = shape;
    this.#generation += 1;
    return {
      kind: 'snapshot',
      generation: this.#generation,
      seq: this.#seq,
      mermaid: mermaidOf(scene, metrics),
      scene,
      metrics,
    };
  }
}
