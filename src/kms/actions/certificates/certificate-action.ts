import type { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { certificateAccess, findCertificate, type CertificateLookup } from '../../certificate-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';

/** An action about one certificate, which needs the permission of its own name on it and no other. */
export interface CertificateAction<Input extends { CertificateId: string }> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  run(found: CertificateLookup, input: Input): Promise<Record<string, unknown>>;
}

/** Makes the action: looks the certificate up once, names it for authorization, and runs on what was found. */
export function certificateAction<Input extends { CertificateId: string }>(
  dependencies: KmsDependencies,
  action: CertificateAction<Input>,
): AnyAction {
  return defineAction<Input>({
    name: action.name,
    product: 'Kms',
    input: action.input,
    plan: async (input) => {
      const found = await findCertificate(dependencies, dependencies.store, input.CertificateId);
      return {
        access: [certificateAccess(dependencies, `kms:${action.name}`, found)],
        run: () => action.run(found, input),
      };
    },
  });
}
