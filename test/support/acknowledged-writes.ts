import { isKmsClientError, type KmsClient } from '../../src/client/kms-client.ts';

/** What a fact is read from: a member of a key or the value of a secret. */
type Subject = 'description' | 'state' | 'tag' | 'secret';

interface Fact {
  subject: Subject;
  /** Key id or name of the secret. */
  id: string;
  /** What it may be now: one value once a write was acknowledged, two while one is under way. */
  possible: string[];
}

/** What `kms` acknowledged, and what of it is not so any more. */
export class AcknowledgedWrites {
  /** Request ids of all acknowledged calls: the writes, and Encrypt, one of seven. */
  readonly requestIds: string[] = [];
  /** How many of them were writes. */
  writes = 0;
  /** Answers that no killed process explains. */
  readonly surprises: string[] = [];
  readonly #facts = new Map<string, Fact>();
  readonly #ciphertexts = new Map<string, string>();
  readonly #explained: readonly string[];

  /** `explained`: codes of errors that what is done to the process explains. */
  constructor(explained: readonly string[] = ['ConnectionFailed']) {
    this.#explained = explained;
  }

  /** Mixed writes, one after another, until the process is gone or refuses one. */
  async writeUntilGone(client: KmsClient, writer: string): Promise<void> {
    try {
      for (let turn = 0; ; turn += 1) await this.#writeOnce(client, `${writer}/${turn}`, turn);
    } catch (error) {
      // What was under way then is unknown. Anything else is the product's fault.
      if (this.#explained.some((code) => isKmsClientError(error, code))) return;
      this.surprises.push(`${writer}: ${String(error)}`);
    }
  }

  async #writeOnce(client: KmsClient, name: string, turn: number): Promise<void> {
    const created = await this.#call(client, 'CreateKey', { Description: 'new' });
    const { KeyId } = (created as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    this.#note('description', KeyId, ['new']);
    this.#note('state', KeyId, ['Enabled']);
    this.#note('tag', KeyId, ['']);
    const change = async (subject: Subject, id: string, next: string, action: string, input: object): Promise<void> => {
      const before = this.#facts.get(`${subject} ${id}`)?.possible ?? ['absent'];
      this.#note(subject, id, [...before, next]);
      await this.#call(client, action, { ...input });
      this.#note(subject, id, [next]);
    };
    const secret = { SecretName: name };
    await change('secret', name, 'first', 'CreateSecret', { ...secret, SecretData: 'first', VersionId: 'v1' });
    await change('tag', KeyId, name, 'TagResource', {
      KeyId,
      Tags: JSON.stringify([{ TagKey: 'writer', TagValue: name }]),
    });
    const encrypted = await this.#call(client, 'Encrypt', { KeyId, Plaintext: 'Y2FuYXJ5' });
    this.#ciphertexts.set(KeyId, String(encrypted['CiphertextBlob']));
    await change('secret', name, 'second', 'PutSecretValue', { ...secret, SecretData: 'second', VersionId: 'v2' });
    await change('description', KeyId, 'changed', 'UpdateKeyDescription', { KeyId, Description: 'changed' });
    if (turn % 2 === 1) await change('state', KeyId, 'Disabled', 'DisableKey', { KeyId });
  }

  /** Looks for everything noted since the last call, and forgets it; returns what is missing or not as acknowledged. */
  async takeLost(client: KmsClient): Promise<string[]> {
    const lost: string[] = [];
    await forEachOf(this.#facts.values(), async (fact) => {
      const { subject, id, possible } = fact;
      const found = await read(client, fact);
      if (!possible.includes(found)) lost.push(`${subject} ${id}: ${found}, not ${possible.join(' or ')}`);
    });
    await forEachOf(this.#ciphertexts, async ([KeyId, CiphertextBlob]) => {
      const state = this.#facts.get(`state ${KeyId}`)?.possible ?? [];
      if (state.includes('Disabled')) return;
      const plaintext = await answerOf(client.call('Kms', 'Decrypt', { CiphertextBlob }), 'Plaintext');
      if (plaintext !== 'Y2FuYXJ5') lost.push(`ciphertext of ${KeyId}: ${plaintext}`);
    });
    this.#facts.clear();
    this.#ciphertexts.clear();
    return lost;
  }

  async #call(client: KmsClient, action: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const answer = await client.call('Kms', action, input);
    this.requestIds.push(String(answer['RequestId']));
    if (action !== 'Encrypt') this.writes += 1;
    return answer;
  }

  #note(subject: Subject, id: string, possible: string[]): void {
    this.#facts.set(`${subject} ${id}`, { subject, id, possible });
  }
}

const readers = 16;

/** Does `work` for each of `items`, sixteen at a time. */
async function forEachOf<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const reader = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: readers }, reader));
}

/** What the server says of a fact; the text of the error when it says nothing. */
async function read(client: KmsClient, { subject, id }: Fact): Promise<string> {
  if (subject === 'secret') return answerOf(client.call('Kms', 'GetSecretValue', { SecretName: id }), 'SecretData');
  if (subject === 'tag') {
    const answer = await client.call('Kms', 'ListResourceTags', { KeyId: id });
    const { Tag } = answer['Tags'] as { Tag: { TagValue: string }[] };
    return Tag.map(({ TagValue }) => TagValue).join(',');
  }
  const member = subject === 'state' ? 'KeyState' : 'Description';
  const described = client.call('Kms', 'DescribeKey', { KeyId: id });
  return answerOf(
    described.then(({ KeyMetadata }) => KeyMetadata as Record<string, unknown>),
    member,
  );
}

function answerOf(answer: Promise<Record<string, unknown>>, member: string): Promise<string> {
  return answer.then(
    (members) => String(members[member]),
    (error: unknown) => (isKmsClientError(error, 'Forbidden.ResourceNotFound') ? 'absent' : String(error)),
  );
}

/** Keys and secrets that are listed but cannot be used: what a half-done creation would leave. */
export async function halfWritten(client: KmsClient): Promise<string[]> {
  const half: string[] = [];
  const keys = await listAll<{ KeyId: string }>(client, 'ListKeys', 'Keys', 'Key');
  await forEachOf(keys, async ({ KeyId }) => {
    const state = await read(client, { subject: 'state', id: KeyId, possible: [] });
    if (state === 'Disabled') return;
    const blob = await answerOf(client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'AAAA' }), 'KeyId');
    if (blob !== KeyId) half.push(`key ${KeyId}: ${state}, ${blob}`);
  });
  const secrets = await listAll<{ SecretName: string }>(client, 'ListSecrets', 'SecretList', 'Secret');
  await forEachOf(secrets, async ({ SecretName }) => {
    const value = await read(client, { subject: 'secret', id: SecretName, possible: [] });
    if (value !== 'first' && value !== 'second') half.push(`secret ${SecretName}: ${value}`);
  });
  return half;
}

async function listAll<T>(client: KmsClient, action: string, list: string, item: string): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; ; page += 1) {
    const answer = await client.call('Kms', action, { PageNumber: page, PageSize: 100 });
    const items = (answer[list] as Record<string, T[]>)[item] ?? [];
    all.push(...items);
    if (items.length === 0 || all.length >= Number(answer['TotalCount'])) return all;
  }
}
