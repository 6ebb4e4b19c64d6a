/** The console against a scripted core: `?scenario=NAME&pace=1`. For screenshots and for work on the views; never shipped. */
import '../zod-setup.ts';
import { type ScenarioName, scenarioNames } from './scenarios.ts';
import { createScriptedBridge, type ScriptedCall } from './scripted-bridge.ts';

const query = new URLSearchParams(window.location.search);
const scenario: ScenarioName = scenarioNames.find((each) => each === query.get('scenario')) ?? 'full';
const pace = Number(query.get('pace') ?? 1);
/** For tests: everything that was asked of the core, in order. */
const scriptedCalls: ScriptedCall[] = [];
const onCall = (call: ScriptedCall) => void scriptedCalls.push(call);
Object.assign(window, { scriptedCalls, nextdeploy: createScriptedBridge(scenario, { pace, onCall }) });
await import('../main.tsx');
