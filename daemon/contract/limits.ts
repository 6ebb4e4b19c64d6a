/** Every bound and default of the contract, in one place, each with its unit in its name. */

export const DAEMON_PORT = 8371;
export const DAEMON_SOCKET_PATH = '/run/nextdeploy/nextdeployd.sock';
/** Where a server's configuration is. */
export const DAEMON_CONFIG_PATH = '/etc/nextdeploy/config.yml';
export const API_VERSION = 1;

/** In containers whose secrets are files. */
export const SECRETS_DIRECTORY = '/run/secrets';

export const LIMITS = {
  /** A JSON body; larger ones are answered with 413 before they are parsed. */
  request_body_bytes_max: 1024 * 1024,
  /** A `docker save` archive streamed to `POST /images`. */
  image_archive_bytes_max: 20 * 1024 ** 3,
  /** Of `auth.token` in the configuration. */
  token_characters_min: 32,
  app_name_length_max: 40,
  domain_length_max: 253,
  image_reference_length_max: 512,
  env_entries_max: 500,
  env_name_length_max: 256,
  /** `NAME=value` must stay below the kernel's MAX_ARG_STRLEN of 128 KiB, or nothing can be executed (execve(2)). */
  env_value_bytes_max: 64 * 1024,
  /**
   * All variables together. Arguments and environment share a quarter of the stack's limit (execve(2)), 2 MiB where that is
   * the usual 8 MiB; the image's own variables and the arguments need room as well.
   */
  env_bytes_max: 512 * 1024,
  /** Of each secret, the newest; those that a kept release runs with stay beside them. */
  secret_versions_kept: 10,
  /** Of all scopes together. */
  secrets_max: 10_000,
  secret_providers_max: 1_000,
  /** Of any part of a provider's configuration, but for session tokens. */
  provider_text_characters_max: 1_024,
  /** All that is asked of a provider for one pull, retries included: a deploy waits for it, and its caller for 30 s. */
  provider_pull_ms_max: 20_000,
  /** One request of those. */
  provider_request_ms_max: 8_000,
  provider_requests_max: 4,
  /** One answer, or file. Larger than all variables that an app can be given. */
  provider_answer_bytes_max: 2 * 1024 ** 2,
  /** Of parameters, with ten on each at most. */
  provider_pages_max: 200,
  ports_max: 16,
  /** Aliases, and redirects, of one app. */
  domains_max: 100,
  volumes_max: 32,
  networks_max: 8,
  /** Docker takes no less than 6 MiB. */
  memory_bytes_min: 6 * 1024 ** 2,
  memory_bytes_max: 16 * 1024 ** 4,
  maintenance_message_max: 500,
  nextcore_routes_max: 5_000,
  operations_page_max: 200,
  releases_page_max: 200,
  /** Replicas that fit a slot's fixed address block (DESIGN §4). */
  replicas_max: 8,
  log_tail_lines_max: 10_000,
  /** Lines of a container's output kept as evidence of a failed operation. */
  evidence_log_lines: 50,
  /** Last lines of a one-off command kept with its step. */
  hook_output_lines: 100,
  /** Last lines shown of one that runs, and how much of each. */
  hook_progress_lines: 20,
  hook_progress_line_characters: 500,
  /** Start of a probe's answer kept as evidence. */
  evidence_body_characters: 500,
  probes_in_evidence_max: 20,
  /** So long an image that was loaded is left for the deploy that it was brought for. */
  image_grace_ms: 10 * 60_000,
  subscriber_buffer_messages: 2_000,
  /** Between two events about how far a step of an operation is. */
  progress_interval_ms: 1_000,
  events_kept: 10_000,
  auth_failures_per_minute_before_delay: 10,
  auth_delay_ms_max: 5_000,
  /** That are neither expired nor revoked. */
  tokens_max: 100,
  /** So many that have expired or were revoked are known still, so that their bearers are told. */
  tokens_ended_kept: 100,
  token_name_length_max: 40,
  token_apps_max: 100,
  token_lifetime_days_max: 3_650,
  /** Between two times that the last use of a token is written. */
  token_use_interval_ms: 60_000,
  audit_entries_kept: 50_000,
  audit_page_max: 1_000,
  /** Of one caller; further ones are counted in one entry. */
  audit_refusals_per_minute_max: 30,
  /** Routes to ports. */
  routes_max: 1_000,
  route_headers_max: 50,
  route_header_characters_max: 4_096,
  route_prefixes_max: 50,
  route_redirects_max: 200,
  basic_auth_users_max: 50,
  /** bcrypt takes no longer passwords into account. */
  basic_auth_password_bytes_max: 72,
  /** A chain with its intermediates, in PEM. */
  certificate_characters_max: 128 * 1024,
  certificate_key_characters_max: 32 * 1024,
  backup_passphrase_characters_min: 12,
  backup_passphrase_characters_max: 1_024,
  /** The file as it is sent, and what is in it. */
  backup_bytes_max: 8 * 1024 ** 3,
  backup_entries_max: 10_000,
  /** Of everything in it but the database: it is held in memory. */
  backup_files_bytes_max: 64 * 1024 ** 2,
} as const;

export const DEFAULTS = {
  port: 3000,
  health_path: '/',
  health_interval_ms: 500,
  health_timeout_ms: 5_000,
  health_status: { min: 200, max: 399 },
  health_deadline_ms: 60_000,
  health_retries: 3,
  health_start_period_ms: 30_000,
  hook_timeout_ms: 600_000,
  drain_ms: 30_000,
  watch_ms: 60_000,
  maintenance_message: 'We will be back soon.',
  stop_timeout_ms: 10_000,
  log_tail_lines: 200,
  operations_page: 50,
  releases_page: 50,
  audit_page: 100,
  network_subnet: '10.213.0.0/16',
  network_name: 'nextdeploy',
  container_log_bytes: 10 * 1024 ** 2,
  container_log_files: 3,
  /** Releases of each app whose images are kept for a rollback, the live one aside. */
  releases_kept: 5,
  /** Below this part of Docker's disk free, older images go and nothing is pulled. */
  disk_free_percent_min: 10,
  doppler_endpoint: 'https://api.doppler.com',
} as const;
