import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyFields, releaseChanged, type FieldOwners } from '../../src/kube/field-ownership.ts';
import { standardListKeys, type Json } from '../../src/kube/field-set.ts';

type Fields = { [field: string]: Json };

/** An object to which managers apply one after the other. */
class Subject {
  object: Fields = {};
  owners: FieldOwners = new Map();

  apply(manager: string, wanted: Json, force = true): string[] {
    const { object: live, owners } = this;
    const outcome = applyFields({ live, owners, wanted, manager, force, listKeys: standardListKeys });
    if (outcome.type === 'conflict') return outcome.fields;
    this.object = outcome.object;
    this.owners = outcome.owners;
    return [];
  }
}

test('an item of a map list goes when nobody owns anything of it', () => {
  const subject = new Subject();
  subject.apply('a', { conditions: [{ type: 'Ready', status: 'True' }] });
  subject.apply('b', {
    conditions: [
      { type: 'Ready', message: 'x' },
      { type: 'Synced', status: 'True' },
    ],
  });
  subject.apply('a', {});
  expect(subject.object).toEqual({
    conditions: [
      { type: 'Ready', message: 'x' },
      { type: 'Synced', status: 'True' },
    ],
  });
  subject.apply('b', {});
  expect(subject.object).toEqual({});
});

test('items of a set are owned one by one', () => {
  const subject = new Subject();
  subject.apply('a', { finalizers: ['x', 'y'] });
  subject.apply('b', { finalizers: ['y', 'z'] });
  subject.apply('a', {});
  expect(subject.object).toEqual({ finalizers: ['y', 'z'] });
});

test('any other list is replaced whole', () => {
  const subject = new Subject();
  subject.apply('a', { policies: ['x', 'y'] });
  expect(subject.apply('b', { policies: ['z'] }, false)).toEqual(['["policies"]']);
  subject.apply('b', { policies: ['z'] });
  expect(subject.object).toEqual({ policies: ['z'] });
});

test('an empty object asks for existence and does not empty what is there', () => {
  const subject = new Subject();
  subject.apply('a', { spec: { size: 1 } });
  expect(subject.apply('b', { spec: {} }, false)).toEqual([]);
  expect(subject.object).toEqual({ spec: { size: 1 } });
  subject.apply('b', {});
  expect(subject.object).toEqual({ spec: { size: 1 } });
});

test('a field may change from a scalar into an object', () => {
  const subject = new Subject();
  subject.apply('a', { value: 1 });
  subject.apply('a', { value: { nested: true } });
  expect(subject.object).toEqual({ value: { nested: true } });
});

test('a field named __proto__ is a field', () => {
  const subject = new Subject();
  subject.apply('a', JSON.parse('{"data":{"__proto__":{"polluted":"yes"}}}') as Json);
  expect(JSON.stringify(subject.object)).toBe('{"data":{"__proto__":{"polluted":"yes"}}}');
  expect(({} as { polluted?: string }).polluted).toBeUndefined();
});

test('whoever loses a field to a plain write owns it no more', () => {
  const subject = new Subject();
  subject.apply('a', { size: 1, colour: 'red' });
  const after = { size: 2, colour: 'red' };
  const owners = releaseChanged(subject.owners, subject.object, after);
  const next = applyFields({ live: after, owners, wanted: {}, manager: 'a', force: true, listKeys: standardListKeys });
  expect(next).toMatchObject({ object: { size: 2 } });
});

const wanted = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(1, 'x', true, null),
    fc.array(fc.constantFrom<Json>(1, 2), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c'), wanted, { maxKeys: 3 });

test('one manager alone always gets exactly what it wants, again and again', () => {
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 5 }), (steps) => {
      const subject = new Subject();
      for (const step of steps) {
        const input = structuredClone(subject.object);
        const before = subject.object;
        subject.apply('a', step);
        expect(before).toEqual(input);
        expect(subject.object).toEqual(step);
        subject.apply('a', step);
        expect(subject.object).toEqual(step);
      }
    }),
  );
});

test('when every manager has given everything up, nothing is left', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('x', 'y'), fields), { maxLength: 6 }), (steps) => {
      const subject = new Subject();
      for (const [manager, step] of steps) subject.apply(manager, step);
      for (const manager of ['x', 'y', 'x']) subject.apply(manager, {});
      expect(subject.object).toEqual({});
    }),
  );
});
