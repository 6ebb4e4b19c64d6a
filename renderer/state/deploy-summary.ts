import { tlsText } from '../format.ts';
import type { Section } from './deploy-fields.ts';
import type { DeployForm } from './deploy-form.ts';
import { filledRedirects, filledVolumes } from './deploy-request.ts';

/** What is set in a folded part of the deploy dialog, in one line; empty where all of it is left to its defaults. */
export function sectionSummary(section: Section, form: DeployForm): string {
  return SUMMARIES[section](form)
    .filter((part) => part !== '')
    .join(' · ');
}

const count = (number: number, one: string, many = `${one}s`) => (number === 0 ? '' : `${number} ${number === 1 ? one : many}`);
const set = (name: string, value: number | string) => (String(value).trim() === '' ? '' : `${name} ${String(value).trim()}`);

const SUMMARIES: Record<Section, (form: DeployForm) => string[]> = {
  routing: (form) => [
    count(form.aliases.length, 'alias', 'aliases'),
    count(filledRedirects(form).length, 'redirect'),
    form.tls === 'default' ? '' : `TLS ${tlsText(form.tls)}`,
    form.proxy === 'default' ? '' : form.proxy,
    count(form.more_ports.length, 'further port'),
  ],
  health: (form) =>
    form.health_kind === 'none'
      ? []
      : [
          form.health_kind === 'http' && (form.health_status_min !== '' || form.health_status_max !== '')
            ? `${form.health_status_min || 200}–${form.health_status_max || 399}`
            : '',
          set('every', form.health_interval),
          set('time-out', form.health_timeout),
          set('within', form.health_deadline),
          set('failures', form.health_retries),
          set('start period', form.health_start_period),
        ],
  secrets: (form) => [
    set('project', form.project),
    form.secrets === 'env' ? '' : form.secrets === 'file' ? 'as files' : 'none given',
  ],
  resources: (form) => [
    form.replicas === '' || Number(form.replicas) === 1 ? '' : `${form.replicas} replicas`,
    set('CPU', form.cpus),
    set('memory', form.memory),
  ],
  storage: (form) => {
    const volumes = filledVolumes(form);
    return [
      count(volumes.filter(({ kind }) => kind === 'volume').length, 'volume'),
      count(volumes.filter(({ kind }) => kind === 'bind').length, 'bound directory', 'bound directories'),
      count(form.networks.length, 'network'),
    ];
  },
  security: (form) => [
    set('user', form.user),
    form.read_only_root ? 'read-only root' : '',
    count(form.capabilities.length, 'capability', 'capabilities'),
  ],
  lifecycle: (form) => [
    form.pre_command.trim() === '' ? '' : 'pre-switch command',
    form.post_command.trim() === '' ? '' : 'post-switch command',
    set('drain', form.drain),
    set('watch', form.watch),
    set('stop', [form.stop_signal, form.stop_timeout].filter((part) => part.trim() !== '').join(', ')),
  ],
  registry: (form) => [set('as', form.registry_username), form.pull === 'always' ? 'always pulled' : ''],
  logs: (form) => [set('files of', form.log_size), form.log_files === '' ? '' : count(Number(form.log_files), 'file')],
};
