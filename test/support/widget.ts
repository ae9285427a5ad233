import type { Condition } from '../../src/kube/conditions.ts';
import type { KubeObject, ObjectMeta, ResourceType } from '../../src/kube/resource.ts';

/** A kind for tests: a custom resource with a status subresource. */
export interface Widget extends KubeObject {
  spec: { size?: number; colour?: string; tags?: Record<string, string> };
  status?: { observedGeneration?: number; phase?: string; conditions?: Condition[] };
}

export const widgetResource: ResourceType<Widget> = {
  group: 'test.kaap.dev',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

/** A widget as the API server would give it. */
export function widget(name: string, fields: { metadata?: Partial<ObjectMeta>; spec?: Widget['spec'] } = {}): Widget {
  return {
    apiVersion: 'test.kaap.dev/v1',
    kind: 'Widget',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      ...fields.metadata,
    },
    spec: fields.spec ?? {},
  };
}

/** The definition that a real API server needs before it serves widgets. */
export const widgetDefinition = {
  metadata: { name: 'widgets.test.kaap.dev' },
  spec: {
    group: 'test.kaap.dev',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  colour: { type: 'string' },
                  tags: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
              status: {
                type: 'object',
                properties: {
                  observedGeneration: { type: 'integer' },
                  phase: { type: 'string' },
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
                      properties: {
                        type: { type: 'string' },
                        status: { type: 'string' },
                        reason: { type: 'string' },
                        message: { type: 'string' },
                        observedGeneration: { type: 'integer' },
                        lastTransitionTime: { type: 'string', format: 'date-time' },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
} as const;
