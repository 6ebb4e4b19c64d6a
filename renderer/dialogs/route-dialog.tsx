import { Button, Group, Modal, TextInput } from '@mantine/core';
import { type ComponentType, type FormEvent, useState } from 'react';
import type { ProxyRoute } from '../../daemon/contract/proxy-routes.ts';
import type { Host } from '../../preload/contract.ts';
import { fieldErrorsOf, messageOf } from '../bridge/bridge-error.ts';
import { useActions, useDaemon } from '../state/hooks.ts';
import {
  EMPTY_ROUTE,
  errorsIn,
  partSummary,
  ROUTE_PARTS,
  type RouteErrors,
  type RouteForm,
  type RoutePart,
  readRouteForm,
  routeErrors,
  routeForm,
  unplaced,
} from '../state/route-form.ts';
import { Notice } from '../ui/notice.tsx';
import { notifySuccess, notifyWarning } from '../ui/run.tsx';
import { Fold } from './deploy/fold.tsx';
import { focusFirstError } from './focus-first-error.ts';
import { ProductionNote } from './production-note.tsx';
import { HeadersPart, PrefixesPart, RedirectsPart } from './routes/route-lists.tsx';
import { AccessPart, LimitsPart, NamesPart, type RoutePartProps } from './routes/route-parts.tsx';

interface RouteDialogProps {
  opened: boolean;
  onClose(): void;
  host: Host;
  /** The one to change; null: a new one, to a port. */
  route: ProxyRoute | null;
}

/** Sets what a proxy does with a site: a new route to a port, or what an app's site does beside passing requests on. */
export function RouteDialog({ opened, onClose, host, route }: RouteDialogProps) {
  const title =
    route === null
      ? `Add a route to ${host.name}`
      : route.app_name === null
        ? `Route ${route.domain}`
        : `Site of ${route.app_name}`;
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={660}>
      <RouteFields host={host} route={route} onClose={onClose} />
    </Modal>
  );
}

const PART_TITLE: Record<RoutePart, string> = {
  names: 'Names and TLS',
  prefixes: 'Path prefixes',
  redirects: 'Redirects',
  headers: 'Response headers',
  access: 'Access',
  limits: 'Limits and compression',
};
const PART: Record<RoutePart, ComponentType<RoutePartProps>> = {
  names: NamesPart,
  prefixes: PrefixesPart,
  redirects: RedirectsPart,
  headers: HeadersPart,
  access: AccessPart,
  limits: LimitsPart,
};

/** Mounted only while the dialog is open: with it, every password leaves. */
function RouteFields({ host, route, onClose }: Omit<RouteDialogProps, 'opened'>) {
  const actions = useActions();
  const { apps } = useDaemon(host.id);
  const [form, setForm] = useState<RouteForm>(() => (route === null ? EMPTY_ROUTE : routeForm(route)));
  const [errors, setErrors] = useState<RouteErrors>({});
  const [open, setOpen] = useState<ReadonlySet<RoutePart>>(new Set());
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isOfApp = form.app_name !== null;
  const change = (part: Partial<RouteForm>) => {
    setForm((held) => ({ ...held, ...part }));
    const isSettled = (field: string) => Object.keys(part).some((each) => field === each || field.startsWith(`${each}.`));
    setErrors((held) =>
      Object.fromEntries(
        Object.entries(held).filter(([field]) => !isSettled(field) && field !== SAME[Object.keys(part)[0] ?? '']),
      ),
    );
    setProblem(null);
  };
  const show = (found: RouteErrors, message: string | null) => {
    setErrors(found);
    setOpen((held) => new Set([...held, ...ROUTE_PARTS.filter((part) => errorsIn(part, found) > 0)]));
    setProblem(Object.keys(found).length === 0 ? message : unplaced(found));
    requestAnimationFrame(focusFirstError);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const read = readRouteForm(form);
    if ('errors' in read) return show(read.errors, null);
    setBusy(true);
    try {
      const served = await actions.configureRoute(host.id, read.body);
      onClose();
      tellServed(served);
    } catch (error) {
      show(routeErrors(fieldErrorsOf(error), form), messageOf(error));
      setBusy(false);
    }
  };
  const part: RoutePartProps = { form, errors, apps: Object.keys(apps), onChange: change };
  return (
    <form className="nd-form" noValidate onSubmit={(event) => void submit(event)}>
      {host.production ? <ProductionNote /> : null}
      {isOfApp ? (
        <p className="nd-dim">
          Domain, aliases, TLS and proxy of {form.app_name} are part of its configuration; a deploy changes them. What is set here
          holds for all its releases, and no release is made of it.
        </p>
      ) : (
        <div className="nd-route-address">
          <TextInput
            label="Domain"
            placeholder="grafana.example.com"
            autoComplete="off"
            spellCheck={false}
            readOnly={route !== null}
            data-autofocus={route === null}
            value={form.domain}
            error={errors.domain}
            onChange={(event) => change({ domain: event.currentTarget.value })}
          />
          <span className="nd-rows-arrow">→</span>
          <TextInput
            label="Port on this host"
            placeholder="3001"
            inputMode="numeric"
            autoComplete="off"
            data-autofocus={route !== null}
            value={form.port}
            error={errors.port}
            description="At 127.0.0.1."
            onChange={(event) => change({ port: event.currentTarget.value })}
          />
        </div>
      )}
      <div className="nd-folds">
        {ROUTE_PARTS.map((name) => {
          const Part = PART[name];
          return (
            <Fold
              key={name}
              title={name === 'names' && isOfApp ? 'www.' : PART_TITLE[name]}
              summary={partSummary(name, form)}
              errors={errorsIn(name, errors)}
              isOpen={open.has(name)}
              onToggle={() => setOpen((held) => toggled(held, name))}
            >
              <Part {...part} />
            </Fold>
          );
        })}
      </div>
      {problem === null ? null : <Notice tone="bad" title="The proxy serves on as before" text={problem} />}
      <Group justify="flex-end" gap={8} className="nd-form-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="filled" loading={isBusy}>
          {route === null ? 'Add route' : 'Change'}
        </Button>
      </Group>
    </form>
  );
}

/** Where a field's complaint has another name than what the form holds. */
const SAME: Readonly<Record<string, string>> = { body_max: 'body_bytes_max' };

function toggled(open: ReadonlySet<RoutePart>, part: RoutePart): ReadonlySet<RoutePart> {
  return open.has(part) ? new Set([...open].filter((each) => each !== part)) : new Set([...open, part]);
}

function tellServed({ domain, is_served, detail }: ProxyRoute): void {
  if (is_served && detail === '') notifySuccess(`${domain} is served`, 'Read back from the proxy.');
  else notifyWarning(is_served ? `${domain} is served` : `${domain} is not served as it should be`, detail);
}
