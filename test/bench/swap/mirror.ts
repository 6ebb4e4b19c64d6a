/** The floor's `docker run` has the flags that the engine gave its own container, so that only our work differs. Pure. */
import { z } from 'zod';

/** What is read of `docker inspect`. */
const inspectedSchema = z.object({
  Image: z.string(),
  Config: z.object({ Env: z.array(z.string()), Healthcheck: z.object({ Test: z.array(z.string()) }).optional() }),
  HostConfig: z.object({
    LogConfig: z.object({ Type: z.string(), Config: z.record(z.string(), z.string()) }),
    SecurityOpt: z.array(z.string()).nullable(),
    Init: z.boolean().nullish(),
    Memory: z.number(),
    NanoCpus: z.number(),
    PidsLimit: z.number().nullish(),
    CapDrop: z.array(z.string()).nullish(),
    CapAdd: z.array(z.string()).nullish(),
    ReadonlyRootfs: z.boolean().nullish(),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.unknown()) }),
});

/** Arguments for `docker run --detach`, without image. `text` is the output of `docker inspect` of one container. */
export function mirroredRunArguments(text: string, address: string): string[] {
  const [container] = z.array(inspectedSchema).length(1).parse(JSON.parse(text));
  if (container === undefined) throw new Error('docker inspect named no container');
  const { Config: config, HostConfig: host } = container;
  const networks = Object.keys(container.NetworkSettings.Networks);
  if (networks.length !== 1) throw new Error(`the app's container is on ${networks.length} networks: its run cannot be mirrored`);
  return [
    ...['--network', networks[0] ?? '', '--ip', address],
    ...['--log-driver', host.LogConfig.Type],
    ...Object.entries(host.LogConfig.Config).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`]),
    ...(host.SecurityOpt ?? []).flatMap((option) => ['--security-opt', option]),
    ...(host.CapDrop ?? []).flatMap((capability) => ['--cap-drop', capability]),
    ...(host.CapAdd ?? []).flatMap((capability) => ['--cap-add', capability]),
    ...(host.ReadonlyRootfs === true ? ['--read-only'] : []),
    ...config.Env.flatMap((variable) => ['--env', variable]),
    ...(config.Healthcheck?.Test[0] === 'NONE' ? ['--no-healthcheck'] : []),
    ...(host.Init === true ? ['--init'] : []),
    ...(host.Memory > 0 ? ['--memory', String(host.Memory)] : []),
    ...(host.NanoCpus > 0 ? ['--cpus', String(host.NanoCpus / 1e9)] : []),
    ...(host.PidsLimit != null && host.PidsLimit > 0 ? ['--pids-limit', String(host.PidsLimit)] : []),
  ];
}
