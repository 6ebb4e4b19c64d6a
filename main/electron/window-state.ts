/** Where the window opens: where it was, if that can still be seen. Pure. */
import { z } from 'zod';

const boundsSchema = z.object({ x: z.number().int(), y: z.number().int(), width: z.number().int(), height: z.number().int() });
export type Bounds = z.infer<typeof boundsSchema>;

export const windowStateSchema = z.object({ bounds: boundsSchema, is_maximized: z.boolean() });
export type WindowState = z.infer<typeof windowStateSchema>;

export interface Placement {
  /** Without `x` and `y` the system centres the window. */
  bounds: { x?: number; y?: number; width: number; height: number };
  is_maximized: boolean;
}

export const WINDOW_SIZE_MIN = { width: 900, height: 600 };
const SIZE = { width: 1440, height: 900 };
/** So much of the window's upper edge must lie on a screen, that it can be taken hold of. */
const VISIBLE_PIXELS_MIN = 100;

/** `saved` is whatever was stored, by any version; `screens` are the work areas of the screens, the main one first. */
export function placeWindow(saved: unknown, screens: readonly Bounds[]): Placement {
  const state = windowStateSchema.safeParse(saved).data;
  const main = screens[0] ?? { x: 0, y: 0, ...SIZE };
  if (state === undefined) return { bounds: clampSize(SIZE, main), is_maximized: false };
  const { bounds, is_maximized } = state;
  const screen = screens.find((candidate) => isReachable(bounds, candidate));
  if (screen === undefined) return { bounds: clampSize(bounds, main), is_maximized };
  return { bounds: { x: bounds.x, y: bounds.y, ...clampSize(bounds, screen) }, is_maximized };
}

function clampSize(size: { width: number; height: number }, screen: Bounds) {
  return {
    width: Math.min(Math.max(size.width, WINDOW_SIZE_MIN.width), screen.width),
    height: Math.min(Math.max(size.height, WINDOW_SIZE_MIN.height), screen.height),
  };
}

function isReachable(bounds: Bounds, screen: Bounds): boolean {
  const visible = Math.min(bounds.x + bounds.width, screen.x + screen.width) - Math.max(bounds.x, screen.x);
  return visible >= VISIBLE_PIXELS_MIN && bounds.y >= screen.y && bounds.y < screen.y + screen.height - VISIBLE_PIXELS_MIN;
}
