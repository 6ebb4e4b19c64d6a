/** One-off commands: where they come, what is kept of them, and that none ever runs twice. */
import { describe, expect, it } from 'vitest';
import type { AppConfiguration } from '../contract/configuration.ts';
import { DomainError } from '../contract/errors.ts';
import { runHook } from './hook.ts';
import type { ExitState } from './ports.ts';
import type { StepContext } from './saga.ts';
import { createEngine, deploying, engineOver, run, signal, startApp } from './test-engine.ts';
import { runUntilWrite } from './test-life.ts';
import { prepare, SCENARIOS, undisturbed } from './test-scenarios.ts';
import type { ModelWorld } from './test-world.ts';

const PRE = 'nextdeploy-shop-pre-switch';
const POST = 'nextdeploy-shop-post-switch';
const HOOKS: Partial<AppConfiguration> = {
  pre_switch: { command: ['migrate', '--all'], timeout_ms: 5_000 },
  post_switch: { command: ['warm'], timeout_ms: 5_000 },
};

describe('one-off commands', () => {
  it('run once each, before there are new containers and when they serve, with their output in the operation', async () => {
    const { world, engine } = await startApp();
    const seen: unknown[] = [];
    world.hook = (effect, phase) => {
      if (effect !== 'start' || phase !== 'ended') return;
      const { containers } = world.state;
      const commands = [PRE, POST].filter((name) => containers.has(name));
      seen.push({ commands, has_new: containers.has('nextdeploy-shop-green-0'), serving: world.serving('shop') });
    };
    const operation = await run(engine, deploying('shop:v2', HOOKS));
    expect(operation.state).toBe('succeeded');
    expect(world.commands).toEqual([`${PRE} r2`, `${POST} r2`]);
    expect(seen).toEqual([
      { commands: [PRE], has_new: false, serving: { release: 'r1', version: 'sha256:1' } },
      { commands: [PRE], has_new: true, serving: { release: 'r1', version: 'sha256:1' } },
      { commands: [PRE, POST], has_new: true, serving: { release: 'r2', version: 'sha256:2' } },
    ]);
    const outputs = operation.steps.filter(({ output }) => output !== null);
    expect(outputs.map(({ name, output }) => [name, output])).toEqual([
      ['pre_switch', [`log of ${PRE}`]],
      ['post_switch', [`log of ${POST}`]],
    ]);
    expect(outputs[0]?.detail).toMatch(/^`migrate --all` succeeded in \d+\.\d s$/);
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-green-0']);
  });

  it('show what they print while they run, and only what is new', async () => {
    const { world, engine, journal } = await startApp();
    world.hanging.add('migrate');
    await run(engine, deploying('shop:v2', { ...HOOKS, pre_switch: { command: ['migrate'], timeout_ms: 10_000 } }));
    const shown = journal.events.flatMap(({ operation }) =>
      (operation?.steps ?? []).flatMap(({ state, output }) => (state === 'running' && output !== null ? [output] : [])),
    );
    expect(shown).toEqual([[`log of ${PRE}`]]);
  });

  it('show their last lines alone, each to a bound, though Docker does not always answer', async () => {
    const { world, journal, perform } = await startApp();
    await perform(deploying('shop:v2', HOOKS));
    const [operation] = journal.operations;
    const step = operation?.steps.map((record) => record.step).find(({ name }) => name === 'pre_switch');
    if (!operation || step?.name !== 'pre_switch') throw new Error('it has none');
    const exit = Promise.withResolvers<ExitState>();
    let looks = 0;
    const containers = {
      ...world.ports().containers,
      waitForExit: () => exit.promise,
      logTail: async (_: string, lines: number) => {
        looks += 1;
        if (looks === 2) throw new Error('Docker restarts');
        if (looks === 4) exit.resolve({ exit_code: 0, oom_killed: false });
        return Array.from({ length: 15 * looks }, (__, line) => `${line} ${'x'.repeat(1_000)}`).slice(-lines);
      },
    };
    const reports: string[][] = [];
    const context: StepContext = {
      ...{ operation, output: { image_id: 'sha256:2' }, started_at: '', signal, kept: signal, credentials: null },
      report: ({ lines }) => void reports.push(lines ?? []),
    };
    const { output } = await runHook(step, { inject: 'env', values: new Map() }, { containers, clock: world.clock }, context);
    const seen = reports.slice(0, 2).map((lines) => [lines.length, lines.at(-1)?.split(' ')[0], lines[0]?.length]);
    expect(seen).toEqual([
      [15, '14', 500],
      [20, '44', 500],
    ]);
    // In the end, all that is kept.
    expect(output?.lines?.length).toBeGreaterThan(60);
  });

  it("are made with the release's image and environment, on no address of a slot", async () => {
    const { world, engine } = await startApp();
    let spec: unknown;
    world.hook = (effect, phase) => {
      if (effect === 'start' && phase === 'begun') spec ??= world.state.containers.get(PRE)?.spec;
    };
    await run(engine, deploying('shop:v2', { ...HOOKS, env: { DATABASE: 'db' } }));
    const role = { kind: 'hook', hook: 'pre_switch' };
    expect(spec).toMatchObject({
      image_id: 'sha256:2',
      address: null,
      command: ['migrate', '--all'],
      role,
      env: { DATABASE: 'db' },
    });
  });

  it('are waited for until their time is up, though Docker goes away meanwhile', async () => {
    const { world, journal } = await startApp();
    const ports = world.ports();
    const { waitForExit } = ports.containers;
    let outages = 3;
    ports.containers.waitForExit = async (name, aborted) => {
      if (name === PRE && outages-- > 0) throw new DomainError('unavailable', 'Docker broke off its answer.');
      return waitForExit(name, aborted);
    };
    const operation = await run(engineOver(ports, journal), deploying('shop:v2', HOOKS));
    expect(operation).toMatchObject({ state: 'succeeded', error: null });
    expect(world.commands).toEqual([`${PRE} r2`, `${POST} r2`]);
    outages = Number.POSITIVE_INFINITY;
    const late = await run(engineOver(ports, journal), deploying('shop:v3', HOOKS));
    expect(late).toMatchObject({ state: 'failed', error: { message: '`migrate --all` did not end within 5 s.' } });
  });

  it('have succeeded though Docker goes away before their last lines are read', async () => {
    const { world, journal } = await startApp();
    const ports = world.ports();
    ports.containers.logTail = () => Promise.reject(new DomainError('unavailable', 'Docker broke off its answer.'));
    const operation = await run(engineOver(ports, journal), deploying('shop:v2', HOOKS));
    expect(operation).toMatchObject({ state: 'succeeded', error: null });
  });

  it.each([
    ['pre_switch', 'migrate', 'failed'],
    ['post_switch', 'warm', 'rolled_back'],
  ] as const)('that fail in %s take everything back, with their last lines as evidence', async (step, program, state) => {
    const { world, journal, engine } = await startApp();
    world.failing.add(program);
    const operation = await run(engine, deploying('shop:v2', HOOKS));
    expect(operation).toMatchObject({ state, error: { step, message: expect.stringContaining('ended with exit code 1') } });
    expect(operation.evidence).toMatchObject({ step, exit_code: 1, log_tail: [`log of ${step === 'pre_switch' ? PRE : POST}`] });
    expect(world.serving('shop')).toMatchObject({ release: 'r1' });
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-blue-0']);
    expect(journal.getApp('shop')?.release).toBe('r1');
  });

  it('that do not end are ended at their time-out', async () => {
    const { world, engine } = await startApp();
    world.hanging.add('migrate');
    const began = world.clock.monotonicMs();
    const operation = await run(engine, deploying('shop:v2', HOOKS));
    expect(operation).toMatchObject({ state: 'failed', error: { message: '`migrate --all` did not end within 5 s.' } });
    expect(operation.evidence?.log_tail).toEqual([`log of ${PRE}`]);
    expect(world.clock.monotonicMs() - began).toBeLessThan(10_000);
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-blue-0']);
  });

  it("belong to a release's first time: no restart, rollback, start or scaling runs them, a swap and a rollback of the code do", async () => {
    const { world, journal, engine } = await startApp();
    await run(engine, deploying('shop:v2', HOOKS));
    world.commands.length = 0;
    const quiet = [{ kind: 'restart' }, { kind: 'scale', replicas: 2 }, { kind: 'stop' }, { kind: 'start' }] as const;
    for (const intent of quiet) expect((await run(createEngine(world, journal), intent)).state).toBe('succeeded');
    await run(createEngine(world, journal), { kind: 'rollback', release: 'r1', code_only: false });
    await run(createEngine(world, journal), { kind: 'rollback', release: 'r2', code_only: false });
    expect(world.commands).toEqual([]);
    await run(createEngine(world, journal), { kind: 'rollback', release: 'r1', code_only: true });
    expect(world.commands).toEqual([`${PRE} r3`, `${POST} r3`]);
  });

  it('never run twice, wherever the daemon dies', async () => {
    const scenario = SCENARIOS.find(({ name }) => name === 'deploy with one-off commands')!; // it is there
    const { commits, moments } = await undisturbed(scenario);
    const expectOnce = (world: ModelWorld) => expect(world.commands).toEqual([...new Set(world.commands)]);
    for (let cut = 1; cut <= commits; cut += 1) {
      const { world, journal } = await prepare(scenario);
      await runUntilWrite({ world, journal }, scenario.intent, cut);
      await createEngine(world, journal).recover();
      expect(journal.operations[0]?.state).toBe('succeeded');
      expect(world.commands).toHaveLength(2);
      expectOnce(world);
    }
    for (let cut = 1; cut <= moments; cut += 1) {
      const { world, journal } = await prepare(scenario);
      const engine = createEngine(world, journal);
      let count = 0;
      const die = () => {
        count += 1;
        if (count === cut) void engine.close();
      };
      world.hook = die;
      world.onLook = die;
      await run(engine, scenario.intent).catch(() => undefined);
      await createEngine(world, journal).recover();
      expect(journal.listOperations({ state: 'running', limit: 1 })).toEqual([]);
      expectOnce(world);
    }
  });

  it('that were cut off by a reboot are not begun again: they count as failed', async () => {
    const { world, journal } = await startApp();
    const engine = createEngine(world, journal);
    world.hanging.add('migrate');
    world.onLook = (what) => {
      if (what === 'wait') void engine.close();
    };
    await expect(run(engine, deploying('shop:v2', HOOKS))).rejects.toThrow('The daemon is stopping');
    world.onLook = () => undefined;
    world.reboot();
    await createEngine(world, journal).recover();
    expect(journal.operations[0]).toMatchObject({ state: 'failed', error: { step: 'pre_switch' } });
    expect(world.commands).toEqual([`${PRE} r2`]);
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-blue-0']);
  });

  it('are waited for, not run anew, when the daemon restarts while they run', async () => {
    const { world, journal } = await startApp();
    const engine = createEngine(world, journal);
    world.hanging.add('migrate');
    world.onLook = (what) => {
      if (what === 'wait') void engine.close();
    };
    await expect(run(engine, deploying('shop:v2', HOOKS))).rejects.toThrow('The daemon is stopping');
    let waits = 0;
    world.onLook = (what) => {
      if (what !== 'wait') return;
      waits += 1;
      // It ends while the new daemon waits for it.
      if (waits === 1) queueMicrotask(() => world.finish(PRE));
    };
    await createEngine(world, journal).recover();
    expect(journal.operations[0]?.state).toBe('succeeded');
    expect(world.commands).toEqual([`${PRE} r2`, `${POST} r2`]);
  });

  it('whose container cannot be removed at the end is an orphan of the next start', async () => {
    const { world, journal, engine } = await startApp();
    world.hook = (effect) => {
      if (effect === 'remove' && journal.operations[0]?.state === 'succeeded') throw new Error('Docker hangs');
    };
    expect((await run(engine, deploying('shop:v2', HOOKS))).state).toBe('succeeded');
    expect([...world.state.containers.keys()].sort()).toEqual(['nextdeploy-shop-green-0', POST, PRE].sort());
    world.hook = () => undefined;
    await createEngine(world, journal).recover();
    expect([...world.state.containers.keys()]).toEqual(['nextdeploy-shop-green-0']);
  });
});
