import { KmsScene, type Answer } from './kms-scene.ts';

/** KMS with one secret to work on, `shop/db`. */
export class SecretScene extends KmsScene {
  create(parameters: Record<string, unknown> = {}): Promise<Answer> {
    const first = { SecretName: 'shop/db', SecretData: 'one', VersionId: 'v1' };
    return this.call('CreateSecret', { ...first, ...parameters });
  }

  put(VersionId: string, SecretData: string, parameters: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('PutSecretValue', { SecretName: 'shop/db', VersionId, SecretData, ...parameters });
  }

  get(parameters: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('GetSecretValue', { SecretName: 'shop/db', ...parameters });
  }

  /** Version id → its stages, all versions. */
  async stages(): Promise<Record<string, string[]>> {
    const asked = { SecretName: 'shop/db', IncludeDeprecated: 'true' };
    const { VersionIds } = (await this.call('ListSecretVersionIds', asked)) as {
      VersionIds: { VersionId: { VersionId: string; VersionStages: { VersionStage: string[] } }[] };
    };
    return Object.fromEntries(VersionIds.VersionId.map((entry) => [entry.VersionId, entry.VersionStages.VersionStage]));
  }
}
