/**
 * The installer's scripts that make a proxy read our folder of sites; see scripts.ts for what holds for every script. The operator's own
 * configuration stays as it is, and what a script has changed goes back if the proxy refuses it. A proxy that does not run is not started.
 */

/**
 * One import line at the end of the Caddyfile, once; everything else in it stays. Checked as Caddy's
 * unit would, with its user, since checking opens log files, and its environment, which the file may refer to. The original is kept
 * beside, and comes back if Caddy refuses.
 */
export const INCLUDE_IN_CADDY = `
file=/etc/caddy/Caddyfile
line='import /etc/caddy/nextdeploy/*.caddy'
install -d -m 0755 /etc/caddy /etc/caddy/nextdeploy
grep -qxF "$line" "$file" 2>/dev/null && exit 0
[ -e "$file" ] || install -m 0644 /dev/null "$file"
[ -e "$file.before-nextdeploy" ] || cp -p "$file" "$file.before-nextdeploy"
new=$(mktemp /etc/caddy/.Caddyfile.XXXXXX)
trap 'rm -f "$new"' EXIT
{ cat "$file"; printf '\\n# The sites of NextDeploy; everything above is yours.\\n%s\\n' "$line"; } > "$new"
chown --reference="$file" "$new"
chmod --reference="$file" "$new"
shown() { systemctl show --property="$1" --value caddy; }
user=$(shown User)
set -- --property="User=\${user:-root}" --property=WorkingDirectory=/etc/caddy --property=RuntimeMaxSec=60
environment=$(shown Environment)
[ -z "$environment" ] || set -- "$@" --property="Environment=$environment"
set -f
IFS='
'
for entry in $(shown EnvironmentFiles); do
  path="\${entry% (ignore_errors=*)}"
  case $entry in *=yes')') path=-$path ;; esac
  set -- "$@" --property="EnvironmentFile=$path"
done
unset IFS
systemd-run --quiet --wait --pipe --collect "$@" -- caddy validate --adapter caddyfile --config "$new" >/dev/null 2>"$new.log" </dev/null || {
  tail -n 1 "$new.log" >&2
  rm -f "$new.log"
  exit 1
}
rm -f "$new.log"
cp -p "$file" "$file.old"
mv "$new" "$file"
systemctl is-active --quiet caddy || { rm -f "$file.old"; exit 0; }
systemctl reload caddy && { rm -f "$file.old"; exit 0; }
mv "$file.old" "$file"
systemctl reload caddy || true
echo 'Caddy refused to reload' >&2
exit 1`;

/**
 * Two files. conf.d is read in nginx's `http` context on every distribution. `worker_shutdown_timeout`, without which workers of old
 * configurations stay as long as their last connection, is for the main context, which Debian's nginx reads from modules-enabled; nginx
 * takes it only once, so the operator's own wins, also one that was written after ours.
 */
export const INCLUDE_IN_NGINX = `
sites=/etc/nginx/conf.d/nextdeploy.conf
main=/etc/nginx/modules-enabled/99-nextdeploy.conf
sites_wanted='# The sites of NextDeploy.
include /etc/nginx/nextdeploy/*.conf;'
main_wanted='# For NextDeploy: connections of an old configuration end after a day. Say it yourself in nginx.conf, and this file goes.
worker_shutdown_timeout 24h;'
umask 022
changed=
log=$(mktemp)
back() {
  for file in $changed; do
    rm -f "$file"
    [ ! -e "$file.old" ] || mv "$file.old" "$file"
  done
  changed=
}
trap 'code=$?; [ $code = 0 ] || back; for file in $changed; do rm -f "$file.old"; done; rm -f "$log"; exit $code' EXIT
keep() { changed="$changed $1"; rm -f "$1.old"; [ ! -e "$1" ] || cp -p "$1" "$1.old"; }
put() {
  keep "$1"
  printf '%s\\n' "$2" > "$1.new"
  sync "$1.new"
  mv "$1.new" "$1"
}
accepts() { nginx -t -q 2>"$log"; }
refuse() { { grep -F -m 1 -e '[emerg]' "$log" || tail -n 1 "$log"; } >&2; exit 1; }
install -d -m 0755 /etc/nginx/nextdeploy /etc/nginx/conf.d
if [ -e "$main" ] && ! accepts; then
  keep "$main"
  rm "$main"
  accepts || refuse
fi
[ "$(cat "$sites" 2>/dev/null)" = "$sites_wanted" ] || put "$sites" "$sites_wanted"
nginx -T >"$log" 2>&1 || refuse
grep -qF "# configuration file $sites:" "$log" || {
  echo 'its http block does not include /etc/nginx/conf.d/*.conf' >&2
  exit 1
}
if [ ! -e "$main" ] && [ -d "\${main%/*}" ]; then
  sed 's/#.*//' "$log" | grep -Eq '(^|[;{}[:space:]])worker_shutdown_timeout[[:space:]]' || put "$main" "$main_wanted"
fi
[ -n "$changed" ] || exit 0
accepts || refuse
systemctl is-active --quiet nginx || exit 0
systemctl reload nginx && exit 0
back
systemctl reload nginx || true
echo 'nginx refused to reload' >&2
exit 1`;
