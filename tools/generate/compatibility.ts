// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createKmsActions } from '../../src/kms/actions.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { AnyAction } from '../../src/ports/action.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { generatedFrom, type Artifact } from './artifact.ts';
import { differences, refusals } from './compatibility-notes.ts';
import { documentedActions, type DocumentedAction } from './documented-actions.ts';

/** What a documented action is here. */
export interface CompatibilityRow {
  readonly name: string;
  readonly status: 'full' | 'partial' | 'refused';
  /** What differs, or why it is refused. Empty for `full`. */
  readonly note: string;
}

/** The action table as the server has it, for reading only. */
export function actionTable(): ReadonlyMap<string, AnyAction> {
  const actions = createKmsActions({
    store: new MemoryStore(),
    providers: {},
    clock: systemClock,
    random: randomBytes,
    region: 'local',
    accountId: '1000000000000000',
    instances: [],
  });
  return new Map(actions.map((action) => [action.name, action]));
}

/** One row for every documented action, and for every other action of the table. */
export function compatibilityRows(): CompatibilityRow[] {
  const table = actionTable();
  const documented = new Set(documentedActions.map(({ name }) => name));
  const own = [...table.keys()].filter((name) => !documented.has(name));
  const rows = documentedActions.map((action) => rowOf(action, table.get(action.name)));
  return [...rows, ...own.map((name): CompatibilityRow => ({ name, status: 'partial', note: 'Of Kaap’s own.' }))];
}

function rowOf({ name, parameters }: DocumentedAction, action: AnyAction | undefined): CompatibilityRow {
  if (action === undefined) return { name, status: 'refused', note: refusals[name] ?? '' };
  const unread = parameters.filter((parameter) => !reads(action, parameter)).map((parameter) => `\`${parameter}\``);
  const notes = [differences[name], unread.length === 0 ? undefined : `Not read: ${unread.join(', ')}.`];
  const note = notes.filter((text) => text !== undefined).join(' ');
  return { name, status: note === '' ? 'full' : 'partial', note };
}

/** What the gateway reads for every action. */
const common: ReadonlySet<string> = new Set(['DryRun', 'RegionId']);

function reads(action: AnyAction, parameter: string): boolean {
  if (common.has(parameter)) return true;
  if (!(action.input instanceof z.ZodObject))
    throw new Error(`${action.name} does not tell which parameters it reads.`);
  return Object.hasOwn(action.input.shape, parameter);
}

const introduction = `# Compatibility with Alibaba Cloud KMS

<!-- ${generatedFrom('the action table and tools/generate/compatibility-notes.ts')} -->

Every action of KMS 2016-01-20 that Alibaba Cloud documents or that one of its SDKs has.

- **full**: every documented parameter is read. \`DryRun\` works on every action; \`RegionId\` is accepted and means nothing.
- **partial**: it is there, and differs as said. A parameter that is not read changes nothing.
- **refused**: answers \`InvalidApi.NotFound\` (404), and never a silent success.

The SDKs of \`test/interop\` prove it, unmodified: for JavaScript, Go, Python and Java, through RPC V1, ACS3 and the protobuf protocol of KMS
instances. That protocol serves Encrypt, Decrypt, GenerateDataKey, AdvanceEncrypt, AdvanceDecrypt, AdvanceGenerateDataKey, GenerateRandom
and GetSecretValue; its other APIs answer \`InvalidApiName\`.
`;

/** The reference page of what is compatible. */
export function compatibilityArtifacts(): Artifact[] {
  const rows = compatibilityRows();
  const counted = (['full', 'partial', 'refused'] as const).map(
    (status) => `${rows.filter((row) => row.status === status).length} ${status}`,
  );
  const lines = rows.map(({ name, status, note }) => `| ${name} | ${status} | ${note} |`);
  const content = [introduction, `${counted.join(', ')}.`, '', '| Action | | |', '|---|---|---|', ...lines, ''].join(
    '\n',
  );
  return [{ path: 'docs/reference/compatibility.md', content }];
}
