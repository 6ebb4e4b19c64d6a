// Kills nextdeployd at one write of its journal: loaded into the daemon on a test server by NODE_OPTIONS, never part of the product.
//
// A file /run/nextdeploy/chaos/arm, `{"app": NAME, "write": N, "phase": "before" | "after"}`, is taken up when an operation on that app is
// written for the first time. From there on each COMMIT is counted until the one that writes the operation's end; at the N-th the process
// kills itself by SIGKILL, before it or right after it, leaving a file `killed` beside. With N = 0 it only counts. Each counted write becomes
// a line of `writes`. With `"again": true` the process that comes after it is killed too, at the first write of its recovery.
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync, StatementSync } from 'node:sqlite';

const DIRECTORY = '/run/nextdeploy/chaos';
const { exec } = DatabaseSync.prototype;
const { run } = StatementSync.prototype;

let order = null;
let count = 0;
/** What the transaction at hand writes. */
let content = 'an event';
let isLast = false;

StatementSync.prototype.run = function (...values) {
  const sql = this.sourceSQL;
  if (sql.startsWith('INSERT INTO operations ')) begin(JSON.parse(values[3]));
  else if (sql.startsWith('UPDATE operations SET state')) follow(JSON.parse(values[1]));
  return run.apply(this, values);
};

DatabaseSync.prototype.exec = function (sql) {
  if (sql !== 'COMMIT' || order === null) return exec.call(this, sql);
  count += 1;
  appendFileSync(`${DIRECTORY}/writes`, `${content}\n`);
  killAt('before');
  const result = exec.call(this, sql);
  killAt('after');
  if (isLast) order = null;
  content = 'an event';
  return result;
};

function begin(record) {
  if (!takeUp(record, false)) return;
  isLast = false;
  content = `begin of ${record.kind}`;
}

/** Whether there is an order for this operation, or for its recovery. */
function takeUp(record, isRecovery) {
  const armed = readOrder();
  if (armed?.app !== record.app_name || (armed.recovery ?? false) !== isRecovery) return false;
  rmSync(`${DIRECTORY}/arm`);
  order = armed;
  count = 0;
  return true;
}

function follow(record) {
  if (order === null) takeUp(record, true);
  if (record.app_name !== order?.app) return;
  isLast = record.state !== 'running';
  const current = record.steps.find(({ state, undo }) => state === 'running' || undo === 'running');
  const verb = record.direction === 'forward' ? '' : 'undo ';
  content = isLast ? `end: ${record.state}` : `${verb}${current?.step.name}`;
}

function killAt(phase) {
  if (order.write !== count || order.phase !== phase) return;
  const { app, again } = order;
  if (again) writeFileSync(`${DIRECTORY}/arm`, JSON.stringify({ app, write: 1, phase, recovery: true }));
  else writeFileSync(`${DIRECTORY}/killed`, '');
  process.kill(process.pid, 'SIGKILL');
}

function readOrder() {
  try {
    return JSON.parse(readFileSync(`${DIRECTORY}/arm`, 'utf8'));
  } catch {
    return undefined;
  }
}
