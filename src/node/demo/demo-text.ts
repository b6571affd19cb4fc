// What `npm start` prints to try, once the demo and the gate in front of it serve.

/** Where the commands look for the admin API when they are not told. */
const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8081';

/** In a checkout nothing is built yet that npx could run. */
const TIDEGATE = import.meta.url.endsWith('.ts') ? 'npm run -s tidegate --' : 'npx tidegate';

interface Step {
  readonly shows: string;
  readonly commands: readonly string[];
}

/** Steps to paste into another terminal, each with what it shows. */
export function demoText(gateUrl: string, adminUrl: string): string {
  const steps = stepsFor(gateUrl, adminUrl === DEFAULT_ADMIN_URL ? '' : ` --admin ${adminUrl}`);
  const blocks = steps.map(({ shows, commands }) => [shows, ...commands.map((command) => `  ${command}`)].join('\n'));
  return ['Try, in another terminal:', ...blocks].join('\n\n');
}

function stepsFor(gateUrl: string, admin: string): readonly Step[] {
  const item = `${gateUrl}/v1/users/7`;
  const list = `'${gateUrl}/v1/users?limit=10'`;
  return [
    {
      shows: 'The origin is asked once: Cache-Status goes from "fwd=uri-miss; …; stored" to "hit".',
      commands: [`curl -i ${item}`, `curl -i ${item}`, `curl -i ${list}`],
    },
    {
      shows: 'A write through the gate. Its answer tells the gate which groups it changed (RFC 9875).',
      commands: [`curl -i -X PUT -d '{"firstName":"Nova"}' ${item}`],
    },
    {
      shows: 'The user and each list that holds it are right at once; other users are still hits.',
      commands: [`curl -i ${item}`, `curl -i ${list}`],
    },
    {
      shows: 'Why is it cached, what else is stored, mark it outdated, the counters.',
      commands: [
        `${TIDEGATE} explain ${item}${admin}`,
        `${TIDEGATE} list${admin}`,
        `${TIDEGATE} invalidate --prefix ${gateUrl}/v1/users${admin}`,
        `${TIDEGATE} stats${admin}`,
      ],
    },
  ];
}
