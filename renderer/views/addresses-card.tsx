import { CornerDownRight, ExternalLink } from 'lucide-react';
import type { Redirect } from '../../daemon/contract/configuration.ts';
import type { AppStatus } from '../../daemon/contract/domain.ts';
import { proxyName, tlsText } from '../format.ts';
import { Panel } from '../ui/text.tsx';

/** Every name that the app answers for, each as a link, and what the redirects of the live release lead to. */
export function AddressesCard({ app, redirects }: { app: AppStatus; redirects: readonly Redirect[] }) {
  const scheme = app.tls === 'off' ? 'http:' : 'https:';
  const base = app.url === null ? null : new URL(app.url);
  const port = base === null || base.port === '' ? '' : `:${base.port}`;
  const names = [app.domain, ...app.aliases].filter((name) => name !== null);
  return (
    <Panel
      title="Addresses"
      aside={
        <span className="nd-dim">
          {proxyName(app.proxy)} · TLS {tlsText(app.tls)}
        </span>
      }
    >
      <ul className="nd-addresses">
        {names.map((name, index) => (
          <li key={name}>
            <Address url={`${base?.protocol ?? scheme}//${name}${port}`} name={name} />
            <span className="nd-dim">{index === 0 ? 'domain' : 'alias'}</span>
          </li>
        ))}
        {redirects.map(({ from, to, status }) => (
          <li key={from}>
            <Address url={`${base?.protocol ?? scheme}//${from}${port}`} name={from} />
            <span className="nd-dim nd-redirect">
              <CornerDownRight size={12} aria-hidden /> {to ?? app.domain} ({status})
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Address({ url, name }: { url: string; name: string }) {
  return (
    <a className="nd-link" href={url} target="_blank" rel="noopener noreferrer">
      <span className="nd-ellipsis">{name}</span>
      <ExternalLink size={11} aria-hidden />
    </a>
  );
}
