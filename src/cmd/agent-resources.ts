import { z } from 'zod';
import type { AgentResources } from '../../webhook/mutate/sidecar.ts';
import type { Resources } from '../../webhook/pod.ts';

type Quantities = Record<string, string>;

/** A Quantity of Kubernetes as people write it for processors and memory. */
const quantity: z.ZodType<string> = z
  .string()
  .regex(/^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, 'must be quantities such as 100m or 64Mi');
const resourceName = z.string().regex(/^(cpu|memory|ephemeral-storage)$/, 'must name cpu, memory or ephemeral-storage');
const quantities: z.ZodType<Quantities> = z.record(resourceName, quantity);
const resources: z.ZodType<Resources> = z.strictObject({
  requests: quantities.exactOptional(),
  limits: quantities.exactOptional(),
});
const both: z.ZodType<Quantities> = z.strictObject({ cpu: quantity, memory: quantity });

/** The settings as they are read. */
export interface AgentResourceSettings {
  /** `requests` and `limits` of a container. */
  KAAP_AGENT_RESOURCES?: Resources | undefined;
  /** `cpu` and `memory`, each both request and limit in pods of the class Guaranteed. */
  KAAP_AGENT_GUARANTEED_RESOURCES?: Quantities | undefined;
}

/** Both are JSON. */
export const agentResourceVariables: {
  readonly [Name in keyof AgentResourceSettings]-?: z.ZodOptional<z.ZodType<NonNullable<AgentResourceSettings[Name]>>>;
} = {
  KAAP_AGENT_RESOURCES: jsonSetting(resources).optional(),
  KAAP_AGENT_GUARANTEED_RESOURCES: jsonSetting(both).optional(),
};

/** What of the settings is set. */
export function agentResources(settings: AgentResourceSettings): Partial<AgentResources> {
  const { KAAP_AGENT_RESOURCES: burstable, KAAP_AGENT_GUARANTEED_RESOURCES: guaranteed } = settings;
  return {
    ...(burstable && { burstable }),
    ...(guaranteed && { guaranteed: { requests: guaranteed, limits: guaranteed } }),
  };
}

function jsonSetting<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z.preprocess((value, context) => {
    try {
      return JSON.parse(String(value)) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON' });
      return z.NEVER;
    }
  }, schema);
}
