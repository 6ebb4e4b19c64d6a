/** The console against a scripted core: `?scenario=NAME`. For screenshots and for work on the views; never shipped. */
import '../zod-setup.ts';
import { type ScenarioName, scenarioNames } from './scenarios.ts';
import { createScriptedBridge } from './scripted-bridge.ts';

const wanted = new URLSearchParams(window.location.search).get('scenario');
const name: ScenarioName = scenarioNames.find((each) => each === wanted) ?? 'full';
Object.assign(window, { nextdeploy: createScriptedBridge(name) });
await import('../main.tsx');
