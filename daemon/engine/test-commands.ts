/** What random tests ask of the engine, and the trouble they make meanwhile. */
import fc from 'fast-check';
import type { AppConfiguration } from '../contract/configuration.ts';
import type { Intent } from './engine.ts';
import { NO_SETTINGS } from './site-settings.ts';
import type { SiteSettings } from './state.ts';
import { deploying, rollingBack, swapping } from './test-engine.ts';

export const APPS = ['shop', 'blog'] as const;
export type AppName = (typeof APPS)[number];

export type Death = 'crash' | 'halt' | 'destroy';

/** `at`: at which moment, of those in which something happens, or at which write of the journal. */
export type Trouble =
  | { kind: 'cancel' | 'keep' | 'close' | 'fail' | 'unavailable'; at: number }
  /** The journal cannot be written, or nothing at all can be done, so many times. */
  | { kind: 'full' | 'outage'; at: number; times: number }
  /** The images of the releases that are being brought up do not answer any more. */
  | { kind: 'sicken'; at: number }
  | { kind: 'jump'; at: number; ms: number }
  /** The daemon is killed, while it recovers too; `reboot`: together with the machine. */
  | { kind: 'kill'; at: number; during: 'effect' | 'write'; reboot: boolean }
  | { kind: 'die'; at: number; how: Death; pick: number };

export type Command =
  /** `isStubborn`: also when the app is in no state for it. */
  | { kind: 'operate'; asked: { app: AppName; intent: Intent }[]; troubles: Trouble[]; isStubborn: boolean }
  | { kind: 'die'; how: Death; pick: number }
  | { kind: 'lose marker'; app: AppName }
  | { kind: 'restart' | 'reboot' }
  | { kind: 'foreign'; name: string };

export const GOOD = ['app:1', 'app:2', 'app:3'];
export const SICK = 'app:sick';
const MISSING = 'app:missing';
export const FAILING_COMMAND = 'fail';
export const HANGING_COMMAND = 'hang';

const hook = fc
  .constantFrom('migrate', 'migrate', 'migrate', FAILING_COMMAND, HANGING_COMMAND)
  .map((program) => ({ command: [program], timeout_ms: 5_000 }));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });
const NAMES = ['one.test', 'two.test', 'three.test'];
const MOMENTS_MAX = 40;
const moment = fc.integer({ min: 1, max: MOMENTS_MAX });

type Names = Pick<AppConfiguration, 'domain' | 'aliases' | 'redirects'>;

const routing: fc.Arbitrary<Names> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Names>({ domain: undefined, aliases: [], redirects: [] }) },
  {
    weight: 5,
    arbitrary: fc.shuffledSubarray(NAMES, { minLength: 1 }).chain(([domain, ...others]) =>
      fc.boolean().map((isRedirected): Names => {
        if (isRedirected) return { domain, aliases: [], redirects: others.map((from) => ({ from, status: 308 as const })) };
        return { domain, aliases: others, redirects: [] };
      }),
    ),
  },
);

const changes = fc
  .record({
    routing,
    ports: fc.constantFrom(3000, 4000).map((port) => [port]),
    replicas: fc.integer({ min: 1, max: 3 }),
    proxy: fc.constantFrom('caddy' as const, 'nginx' as const),
    watch_ms: fc.constantFrom(0, 3_000),
    pre_switch: maybe(hook),
    post_switch: maybe(hook),
  })
  .map(
    ({ routing: names, pre_switch, post_switch, ...rest }): Partial<AppConfiguration> => ({
      ...names,
      ...rest,
      ...(pre_switch && { pre_switch }),
      ...(post_switch && { post_switch }),
    }),
  );

const image = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...GOOD) },
  { weight: 1, arbitrary: fc.constantFrom(SICK, MISSING) },
);

/** Beside what is served the same in every proxy, what depends on the other app. */
const settings: fc.Arbitrary<SiteSettings> = fc
  .record({
    www: fc.constantFrom('off' as const, 'add' as const, 'remove' as const),
    prefix: fc.option(
      fc.oneof(
        fc.constantFrom(...APPS).map((app_name) => ({ app_name })),
        fc.constant({ port: 9000 }),
      ),
    ),
    compression: fc.boolean(),
  })
  .map(({ prefix, ...rest }) => ({
    ...NO_SETTINGS,
    ...rest,
    prefixes: prefix === null ? [] : [{ path: '/there', strip: false, ...prefix }],
  }));

const intent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(image, changes).map(([reference, with_]) => deploying(reference, with_)) },
  { weight: 4, arbitrary: image.map((reference) => swapping(reference)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(maybe(fc.constantFrom('r1', 'r2', 'r3', 'r4')), fc.boolean())
      .map(([release, code_only]) => rollingBack(release, code_only)),
  },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }).map((replicas): Intent => ({ kind: 'scale', replicas })) },
  {
    weight: 2,
    arbitrary: fc.boolean().map((isOn): Intent => ({ kind: 'maintenance', to: isOn ? { message: 'Soon.' } : null })),
  },
  { weight: 3, arbitrary: settings.map((to): Intent => ({ kind: 'configure', to })) },
  {
    weight: 7,
    arbitrary: fc.constantFrom<Intent>(
      ...(['start', 'start', 'stop', 'restart', 'restart', 'restart', 'remove'] as const).map((kind) => ({ kind })),
    ),
  },
);

const death = fc.record({ how: fc.constantFrom<Death>('crash', 'halt', 'destroy'), pick: fc.nat({ max: 7 }) });

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('cancel' as const, 'cancel' as const, 'keep' as const, 'close' as const, 'sicken' as const),
      at: moment,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'unavailable' as const), at: moment }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), at: moment, ms: fc.constantFrom(-3_600_000, 3_600_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('full' as const, 'outage' as const),
      at: moment,
      times: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('kill' as const),
      at: moment,
      during: fc.constantFrom('effect' as const, 'write' as const),
      reboot: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.tuple(moment, death).map(([at, how]): Trouble => ({ kind: 'die', at, ...how })) },
);

const asked = fc
  .tuple(fc.constantFrom(...APPS), intent, maybe(intent))
  .map(([app, first, second]) => [
    { app, intent: first },
    ...(second ? [{ app: app === 'shop' ? ('blog' as const) : ('shop' as const), intent: second }] : []),
  ]);

const foreignName = fc
  .tuple(fc.constantFrom(...APPS), fc.constantFrom('blue-0', 'green-0', 'green-1', 'pre-switch'))
  .map(([app, rest]) => `nextdeploy-${app}-${rest}`);

/** What a server begins with. */
export const firstDeploy: fc.Arbitrary<Command> = fc.tuple(fc.constantFrom(...APPS), changes).map(([app, with_]) => {
  const { pre_switch: _before, post_switch: _after, ...rest } = with_;
  return { kind: 'operate', asked: [{ app, intent: deploying('app:1', rest) }], troubles: [], isStubborn: true };
});

export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc
      .record({ asked, troubles: fc.array(trouble, { maxLength: 2 }), isStubborn: fc.nat({ max: 9 }).map((dice) => dice === 0) })
      .map((parts): Command => ({ kind: 'operate', ...parts })),
  },
  { weight: 2, arbitrary: death.map((how): Command => ({ kind: 'die', ...how })) },
  { weight: 1, arbitrary: fc.constantFrom(...APPS).map((app): Command => ({ kind: 'lose marker', app })) },
  { weight: 2, arbitrary: fc.constantFrom('restart' as const, 'reboot' as const).map((kind): Command => ({ kind })) },
  { weight: 1, arbitrary: foreignName.map((name): Command => ({ kind: 'foreign', name })) },
);
