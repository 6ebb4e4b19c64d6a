/** Where the containers of an app stand: fixed names and addresses (DESIGN §4). Pure. */

import { DomainError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Slot } from '../contract/names.ts';

/** Blue's replicas at 0–7, green's at 8–15. */
const ADDRESSES_PER_APP = 2 * LIMITS.replicas_max;

export interface Subnet {
  /** As a number. */
  base: number;
  prefix_length: number;
}

/** Parses `10.213.0.0/16`. Throws a plain Error for anything that is not an IPv4 network with room for an app. */
export function parseSubnet(text: string): Subnet {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const parts = match?.slice(1, 5).map(Number) ?? [];
  const prefix_length = Number(match?.[5]);
  if (parts.length !== 4 || parts.some((part) => part > 255) || !(prefix_length >= 8 && prefix_length <= 26)) {
    throw new Error(`${text} is not an IPv4 network between /8 and /26, such as 10.213.0.0/16`);
  }
  const base = parts.reduce((sum, part) => sum * 256 + part, 0);
  if (base % 2 ** (32 - prefix_length) !== 0) throw new Error(`${text} has bits set beyond its prefix`);
  return { base, prefix_length };
}

/** How many apps fit: the first block holds the gateway and Docker's own choices, the last the broadcast address. */
export function appCapacity(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefix_length) / ADDRESSES_PER_APP - 2;
}

/** The lowest free index. Throws `unprocessable` when every block is taken. */
export function allocateIndex(used: readonly number[], subnet: Subnet): number {
  const taken = new Set(used);
  const capacity = appCapacity(subnet);
  for (let index = 1; index <= capacity; index += 1) if (!taken.has(index)) return index;
  throw new DomainError(
    'unprocessable',
    `All ${capacity} address blocks of the app network are taken; purge apps that are no longer needed.`,
  );
}

export function slotAddress(subnet: Subnet, index: number, slot: Slot, replica: number): string {
  const offset = slot === 'blue' ? 0 : LIMITS.replicas_max;
  return formatAddress(subnet.base + index * ADDRESSES_PER_APP + offset + replica);
}

/** The block that Docker may choose from for containers that are not ours, so that it never takes a slot's address. */
export function automaticRange(subnet: Subnet): { gateway: string; range: string } {
  return { gateway: formatAddress(subnet.base + 1), range: `${formatAddress(subnet.base)}/28` };
}

export function containerName(app: string, slot: Slot, replica: number): string {
  return `nextdeploy-${app}-${slot}-${replica}`;
}

/** Of all replicas of a slot, in order. */
export function replicaNames(app: string, slot: Slot, replicas: number): string[] {
  return Array.from({ length: replicas }, (_, replica) => containerName(app, slot, replica));
}

/** Which replica a container's name is of. */
export function replicaOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

export function hookContainerName(app: string, hook: 'pre_switch' | 'post_switch'): string {
  return `nextdeploy-${app}-${hook.replace('_', '-')}`;
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
