import { eventually, kaap, read } from './installation.ts';
import { tenantObjects } from './tenant.ts';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** A tenant whose binding `db` does something to its pods when its secret has a new version. */
export class ChangedBinding {
  readonly namespace: string;
  readonly #onChange: 'Rollout' | 'RestartContainers';

  constructor(namespace: string, onChange: 'Rollout' | 'RestartContainers') {
    this.namespace = namespace;
    this.#onChange = onChange;
  }

  /** The tenant's objects. */
  objects(): object[] {
    const refresh = { intervalSeconds: 10, onChange: this.#onChange };
    return tenantObjects({ namespace: this.namespace, method: 'role' }).map((object) => {
      const { kind, spec } = object as { kind: string; spec?: object };
      return kind === 'SecretBinding' ? { ...object, spec: { ...spec, refresh } } : object;
    });
  }

  /** Puts a new version of the secret. */
  put(value: string): Promise<string> {
    return kaap(['secret', 'put', `${this.namespace}/db`], value);
  }

  /** How far the pods are, as the binding says; undefined when it says nothing. */
  async rolledOut(): Promise<Condition | undefined> {
    const binding = await read<{ status?: { conditions?: Condition[] } }>(['sbind', 'db', '-n', this.namespace]);
    return binding?.status?.conditions?.find(({ type }) => type === 'RolledOut');
  }

  async untilRolledOut(reason: string): Promise<Condition> {
    return eventually(
      async () => {
        const condition = await this.rolledOut();
        return condition?.reason === reason ? condition : undefined;
      },
      async () => JSON.stringify(await this.rolledOut()),
      120_000,
    );
  }
}
