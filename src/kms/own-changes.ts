import { uuidV4, type RandomBytes } from '../crypto/uuid.ts';
import type { Clock } from '../lib/clock.ts';
import type { AuditEvent, AuditSink } from '../ports/audit-sink.ts';

/** What KMS changes without being asked. */
export type OwnChange =
  | 'RotateKey'
  | 'ExpireKeyMaterial'
  | 'DeleteKey'
  | 'RotateSecret'
  | 'DeleteSecret'
  | 'DeleteManagedDataKey'
  | 'CreateAccessKey'
  | 'Sealed';

/** Who is behind these changes in the audit log: the service principal of KMS. */
export const servicePrincipal = 'kms.aliyuncs.com';

export interface OwnChangesOptions {
  audit: Pick<AuditSink, 'append'>;
  clock: Clock;
  random: RandomBytes;
}

/**
 * Puts into the audit log what no request asked for. The change has happened by then: an event that the log does not take
 * is kept, and tried again by the next {@link OwnChanges.settle}.
 */
export class OwnChanges {
  readonly #options: OwnChangesOptions;
  #unwritten: AuditEvent[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(options: OwnChangesOptions) {
    this.#options = options;
  }

  /** Notes a change of the resource with that ARN, or the failure of one with its code. Waits for nothing. */
  note(action: OwnChange, resources: readonly string[], outcome = 'OK'): void {
    const { clock, random } = this.#options;
    this.#unwritten.push({
      time: clock.now(),
      requestId: uuidV4(random).toUpperCase(),
      product: action === 'CreateAccessKey' ? 'Ram' : 'Kms',
      action,
      protocol: 'none',
      principal: servicePrincipal,
      sourceIp: '-',
      resources,
      decision: 'None',
      outcome,
    });
    void this.settle().catch(() => undefined);
  }

  /** Resolves when everything noted so far is durable; rejects while the audit log does not take it. */
  settle(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    for (let event = this.#unwritten[0]; event !== undefined; event = this.#unwritten[0]) {
      await this.#options.audit.append(event);
      this.#unwritten.shift();
    }
  }
}
