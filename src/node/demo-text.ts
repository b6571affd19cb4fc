// What `npm start` prints to try, once the demo and the gate in front of it serve.

/** Where the commands look for the admin API when they are not told. */
const DEFAULT_ADMIN_URL = 'http://127.0.0.1:8081';

/** Steps to paste into another terminal, each with what it shows. */
export function demoText(gateUrl: string, adminUrl: string): string {
  const item = `${gateUrl}/v1/users/7`;
  const list = `'${gateUrl}/v1/users?limit=10'`;
  const admin = adminUrl === DEFAULT_ADMIN_URL ? '' : ` --admin ${adminUrl}`;
  const steps = [
    ['The origin is asked once: Cache-Status goes from "fwd=uri-miss; …; stored" to "hit".'],
    [`curl -i ${item}`, `curl -i ${item}`, `curl -i ${list}`],
    ['A write through the gate. Its answer names what it changed (RFC 9875).'],
    [`curl -i -X PUT -d '{"firstName":"Nova"}' ${item}`],
    ['The user and each list that holds it are right at once; the other users are still hits.'],
    [`curl -i ${item}`, `curl -i ${list}`],
    ['Why is this cached, what is stored, mark it outdated, count.'],
    [
      `npx tidegate explain ${item}${admin}`,
      `npx tidegate list${admin}`,
      `npx tidegate invalidate --prefix ${gateUrl}/v1/users${admin}`,
      `npx tidegate stats${admin}`,
    ],
  ];
  const lines = steps.map((step, at) => (at % 2 === 0 ? step.join('') : step.map((line) => `  ${line}`).join('\n')));
  return ['Try, in another terminal:', ...lines].join('\n\n');
}
