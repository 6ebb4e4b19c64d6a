/**
 * The systemd service of the daemon. It must be root: it drives Docker and writes for the proxies. So everything else is taken from it.
 * Two settings one would expect are absent: `MemoryDenyWriteExecute`, because V8 compiles JavaScript to machine code at run time and dies
 * under it; and a `User`.
 */
export const UNIT = `[Unit]
Description=NextDeploy daemon
Wants=network-online.target
After=network-online.target docker.service caddy.service nginx.service
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
# Not as another RuntimeDirectory, which would take everything in it from the users whose it is.
ExecStartPre=+/bin/mkdir -p -m 0700 /run/nextdeploy-secrets
ExecStart=/opt/nextdeploy/current/bin/nextdeployd --config /etc/nextdeploy/config.yml
Restart=on-failure
RestartSec=1
# 78: the configuration is wrong. Trying again would not mend it.
RestartPreventExitStatus=78
TimeoutStopSec=20
KillMode=mixed
# A service of root has no HOME; Caddy's program, asked for its version, complains without one.
Environment=NODE_ENV=production HOME=/var/lib/nextdeploy
UMask=0077

# The socket's folder is for the group; it stays through restarts, so that what was mounted or opened there stays valid.
Group=nextdeploy
RuntimeDirectory=nextdeploy
RuntimeDirectoryMode=0750
RuntimeDirectoryPreserve=yes

NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/var/lib/nextdeploy /etc/nextdeploy /run/nextdeploy -/run/nextdeploy-secrets -/etc/caddy/nextdeploy -/etc/nginx/nextdeploy
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`;

/** After a reboot, memory is empty and Docker brings containers back by itself: their secrets have to be there before. */
export const SECRETS_UNIT = `[Unit]
Description=NextDeploy secrets of containers, in memory
RequiresMountsFor=/var/lib/nextdeploy /etc/nextdeploy
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/opt/nextdeploy/current/bin/nextdeployd --place-secrets
TimeoutStartSec=30
Environment=NODE_ENV=production
UMask=0077
NoNewPrivileges=yes
ProtectHome=yes
PrivateDevices=yes
PrivateNetwork=yes

[Install]
WantedBy=docker.service
`;
