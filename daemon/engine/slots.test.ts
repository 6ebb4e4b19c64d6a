import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../contract/limits.ts';
import { allocateIndex, appCapacity, automaticRange, parseSubnet, slotAddress } from './slots.ts';

const SUBNET = parseSubnet('10.213.0.0/16');

describe('slot addresses', () => {
  it('stand in blocks of 16: blue first, green in the second half', () => {
    expect(slotAddress(SUBNET, 1, 'blue', 0)).toBe('10.213.0.16');
    expect(slotAddress(SUBNET, 1, 'blue', 7)).toBe('10.213.0.23');
    expect(slotAddress(SUBNET, 1, 'green', 0)).toBe('10.213.0.24');
    expect(slotAddress(SUBNET, 17, 'green', 7)).toBe('10.213.1.31');
    expect(appCapacity(SUBNET)).toBe(4094);
    expect(slotAddress(SUBNET, 4094, 'green', 7)).toBe('10.213.255.239');
  });

  it('are never shared, and never the gateway, the broadcast address or one that Docker chooses', () => {
    const place = fc.record({
      index: fc.integer({ min: 1, max: appCapacity(SUBNET) }),
      slot: fc.constantFrom('blue' as const, 'green' as const),
      replica: fc.integer({ min: 0, max: LIMITS.replicas_max - 1 }),
    });
    const address = (at: { index: number; slot: 'blue' | 'green'; replica: number }) =>
      slotAddress(SUBNET, at.index, at.slot, at.replica);
    fc.assert(
      fc.property(place, place, (a, b) => {
        expect(address(a) === address(b)).toBe(a.index === b.index && a.slot === b.slot && a.replica === b.replica);
        expect(address(a)).not.toMatch(/^10\.213\.(0\.([0-9]|1[0-5])|255\.255)$/);
      }),
    );
    expect(automaticRange(SUBNET)).toEqual({ gateway: '10.213.0.1', range: '10.213.0.0/28' });
  });

  it('use the lowest free block again, and say so when there is none', () => {
    expect(allocateIndex([], SUBNET)).toBe(1);
    expect(allocateIndex([1, 2, 4], SUBNET)).toBe(3);
    const small = parseSubnet('10.0.0.0/26');
    expect(() => allocateIndex([1, 2], small)).toThrow(/All 2 address blocks .* purge/);
  });
});

describe('parseSubnet', () => {
  it.each(['10.213.0.0', '10.213.0.0/33', '10.213.0.1/16', '256.0.0.0/16', '10.0.0.0/28', 'fd00::/8', ''])(
    'refuses %s',
    (text) => {
      expect(() => parseSubnet(text)).toThrow();
    },
  );
});
