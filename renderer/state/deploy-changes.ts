import { compareConfigurations } from '../../daemon/contract/compare.ts';
import { configurationOf } from '../../daemon/contract/configuration.ts';
import type { Release } from '../../daemon/contract/domain.ts';
import type { DeployForm } from './deploy-form.ts';
import { readDeployForm } from './deploy-request.ts';
import { type DifferenceRow, differenceRows } from './differences.ts';

/**
 * What a deploy of `form` would change of `release`; null while the form is not valid, for then nobody can say. The
 * number of replicas is held against `replicas`, which the app has now: scaling changes the app, not its releases.
 */
export function deployChanges(release: Release, replicas: number, form: DeployForm): DifferenceRow[] | null {
  const read = readDeployForm(form);
  if (!read.isValid) return null;
  const { request } = read;
  const before = { ...release.configuration, replicas };
  const after = configurationOf(request, { proxy: before.proxy, replicas });
  const image = request.image === release.image ? [] : [{ field: 'image', from: release.image, to: request.image }];
  return differenceRows([...image, ...compareConfigurations(before, after)]);
}
