import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, decisionScene, referenceOf } from '../support/random-decisions.ts';

describe('a decision', () => {
  test('D3: is the one that the plain reference model makes, for random policies', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(decisionScene, (given) => {
        const decision = decide(given);
        seen.add(decision.basis);
        expect(decision.basis).toBe(referenceOf(given));
        expect(decision.effect).toBe(decision.basis === 'Allow' ? 'Allow' : 'Deny');
        expect(decision.reasons.length).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
    expect(seen.size).toBe(3);
  });

  test('D3: is a denial as soon as one more policy denies, whatever else allows', () => {
    const denyAll = JSON.stringify({ Version: '1', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] });
    fc.assert(
      fc.property(decisionScene, fc.nat({ max: 3 }), (given, place) => {
        const identityPolicies = given.identityPolicies.toSpliced(place, 0, denyAll);
        expect(decide({ ...given, identityPolicies }).basis).toBe('ExplicitDeny');
      }),
    );
  });

  test('D3: is never an allow for a list of requests of which one alone is denied', () => {
    fc.assert(
      fc.property(decisionScene, (given) => {
        const together = decide(given).effect;
        const alone = given.requests.map((request) => decide({ ...given, requests: [request] }).effect);
        expect(together).toBe(alone.includes('Deny') ? 'Deny' : 'Allow');
      }),
    );
  });

  test('is never widened by a session policy', () => {
    fc.assert(
      fc.property(decisionScene, (given) => {
        if (decide(given).effect === 'Allow')
          expect(decide({ ...given, sessionPolicy: undefined }).effect).toBe('Allow');
      }),
    );
  });

  test('is the same at the second time, when every policy is compiled already', () => {
    fc.assert(
      fc.property(decisionScene, (given) => {
        expect(decide(given)).toEqual(decide(given));
      }),
    );
  });
});
