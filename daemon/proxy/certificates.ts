/** Where the certificates of the sites are, and who issues them. */

export interface CertificateSettings {
  /** Holds `DOMAIN.crt` (with its intermediates) and `DOMAIN.key` of each name, put there before a route that needs them is applied. */
  directory: string;
  /** certbot's webroot. */
  challenge_directory: string;
  /** Of the authority that Caddy asks; not given: as Caddy is set. */
  acme_directory?: string | undefined;
  /** PEM, whom Caddy trusts when it talks to that authority. */
  acme_ca_root?: string | undefined;
  email?: string | undefined;
}
