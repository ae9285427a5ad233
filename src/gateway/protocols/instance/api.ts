import type { Fields } from './bytes.ts';
import type { MessageFields } from './codec.ts';

/** An API of the instance gateway: an action of the table in other words. */
export interface InstanceApi {
  /** Name in the action table, which may depend on what is asked for. */
  readonly action: (request: Fields) => string;
  readonly request: MessageFields;
  readonly response: MessageFields;
  /**
   * The action's parameters. `version` holds a `KeyVersionId` when the header of migrated ciphertexts names one. Throws
   * ApiError for what the action cannot do.
   */
  readonly parameters: (request: Fields, version: Fields) => Fields;
  /** The response's fields, without RequestId. */
  readonly answer: (result: Fields, request: Fields) => Fields;
}
